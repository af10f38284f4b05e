#pragma once

#include <chrono>
#include <optional>

#include "broker/config.h"
#include "broker/net/server.h"
#include "broker/runtime/engine_loop.h"
#include "broker/runtime/system_clock.h"
#include "broker/store/rocks_store.h"

namespace pawl {

// The whole server: store, engine and network, built in this order and taken down in the reverse
// one.
class Broker {
 public:
  // Opens the store and the port and reads back what it needs; serves from start() on. Throws
  // std::exception with a sentence for people.
  explicit Broker(const Config& config);
  ~Broker();

  void start();
  // Stops leasing, finishes what is in flight and closes. When the disk does not answer `within`
  // the time, the process ends with 1: a thread that hangs in it cannot be waited for.
  void stop(std::chrono::milliseconds within);

  boost::asio::ip::tcp::endpoint endpoint() const { return server_.endpoint(); }
  core::EngineTotals totals() const { return loop_->totals(); }

 private:
  class Inbox final : public net::CommandSink {
   public:
    bool post(core::Command&& command, std::size_t bytes) override {
      return loop_->post(std::move(command), bytes);
    }
    void post_always(core::Command&& command) override { loop_->post_always(std::move(command)); }
    void connect(runtime::EngineLoop& loop) { loop_ = &loop; }

   private:
    runtime::EngineLoop* loop_ = nullptr;
  };
  class Outbox final : public runtime::ReplySink {
   public:
    explicit Outbox(net::Server& server) : server_(server) {}
    void deliver(std::vector<core::Reply>&& replies) override {
      server_.deliver(std::move(replies));
    }

   private:
    net::Server& server_;
  };

  store::RocksStore store_;
  runtime::SystemClock clock_;
  Inbox inbox_;
  net::Services services_;
  net::Server server_;
  Outbox outbox_{server_};
  std::optional<runtime::EngineLoop> loop_;
};

}  // namespace pawl
