#pragma once

#include <future>
#include <thread>
#include <utility>

#include <boost/asio.hpp>

#include "client/connection.h"

namespace pawl::test {

// A Connection on a thread of its own, for tests that speak in whole requests.
class Session {
 public:
  using Outcome = Result<pb::Reply>;
  struct SendOptions {
    client::WhenCut when_cut = client::WhenCut::send_again;
    client::WhenRefused when_refused = client::WhenRefused::send_again;
  };

  Session(const ClientOptions& options, client::ConnectionHooks hooks)
      : connection_(context_, options, std::move(hooks)), work_(context_.get_executor()) {
    thread_ = std::thread([this] {
      connection_.start();
      context_.run();
    });
  }
  ~Session() { close(); }

  std::future<Outcome> send(pb::Request request) { return send(std::move(request), SendOptions()); }
  std::future<Outcome> send(pb::Request request, const SendOptions& options) {
    const client::CallPolicy policy{
        .deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10),
        .when_cut = options.when_cut,
        .when_refused = options.when_refused};
    auto call = std::make_unique<RequestCall>(policy, std::move(request));
    auto outcome = call->outcome();
    boost::asio::post(context_, [this, call = std::move(call)]() mutable {
      connection_.submit(std::move(call));
      connection_.step();
    });
    return outcome;
  }

  boost::asio::io_context& context() { return context_; }

  void close() {
    if (!thread_.joinable()) return;
    boost::asio::post(context_, [this] { connection_.close(); });
    work_.reset();
    thread_.join();
  }

 private:
  class RequestCall final : public client::Call {
   public:
    RequestCall(const client::CallPolicy& policy, pb::Request request)
        : Call(policy), request_(std::move(request)) {}

    std::future<Outcome> outcome() { return outcome_.get_future(); }
    void append_op(std::string& out, client::TimePoint /*now*/) override {
      request_.AppendToString(&out);
    }
    Next on_reply(pb::Reply& reply, client::TimePoint /*now*/) override {
      outcome_.set_value(std::move(reply));
      return Next::ended;
    }
    void fail(const Error& error) override { outcome_.set_value(error); }

   private:
    pb::Request request_;
    std::promise<Outcome> outcome_;
  };

  boost::asio::io_context context_{1};
  client::Connection connection_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

}  // namespace pawl::test
