#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "client/connection_hooks.h"
#include "client/lookup.h"
#include "client/pipeline.h"
#include "client/url.h"
#include "proto/frame.h"
#include <pawl/options.h>

namespace pawl::client {

// The socket that obeys a Pipeline. Lives on the thread of its io_context, as do all its functions;
// must outlive the io_context's last run.
class Connection {
 public:
  // Throws Error{invalid_argument} for a bad URL.
  Connection(boost::asio::io_context& context, const ClientOptions& options, ConnectionHooks hooks);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start() { step(); }
  void submit(std::unique_ptr<Call> call);
  // Sends what was submitted and sees to the timers. Call it once after some submit().
  void step();
  // Ends all calls with `closed`, and the connection.
  void close();

 private:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;

  // One socket's life. Operations on it that end late hold it, and find that it is no longer the
  // current one.
  struct Link {
    explicit Link(boost::asio::io_context& context);
    tcp::socket socket;
    wire::FrameReader reader;
    std::string out;
    bool writing = false;
    std::uint64_t sent_bytes = 0;   // Handed to the kernel.
    std::uint64_t taken_bytes = 0;  // Of those, what the broker's machine has confirmed.
  };
  using LinkPtr = std::shared_ptr<Link>;

  void connect();
  void on_resolved(const LinkPtr& link, error_code failure, const Lookup::Addresses& found);
  void on_connected(const LinkPtr& link, error_code failure);
  void read(const LinkPtr& link);
  void on_read(const LinkPtr& link, error_code failure, std::size_t bytes);
  bool on_frames(Link& link);
  void write();
  void write_on(const LinkPtr& link, std::size_t from);
  void note_progress(TimePoint now);
  void drop_link();
  void arm();
  void cut(const Error& why);

  pb::Hello hello() const;
  Error connect_error(error_code failure) const;
  void log(LogLevel level, const std::string& text) const;
  bool is_current(const LinkPtr& link) const { return link == link_; }

  boost::asio::io_context& context_;
  ClientOptions options_;
  Url url_;
  ConnectionHooks hooks_;
  Pipeline pipeline_;
  boost::asio::steady_timer timer_;
  TimePoint armed_ = TimePoint::max();
  std::size_t server_ = 0;
  LinkPtr link_;
  std::shared_ptr<Lookup> lookup_;
  bool closed_ = false;
};

}  // namespace pawl::client
