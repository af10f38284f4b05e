#include "client/session.h"

#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "client/connection.h"

namespace pawl::client {
namespace {

class RequestCall final : public Call {
 public:
  RequestCall(const CallPolicy& policy, pb::Request request, Callback<pb::Reply> done)
      : Call(policy), request_(std::move(request)), done_(std::move(done)) {}

  bool is_long_poll() const override { return request_.has_fetch() || request_.has_wait_job(); }
  void append_op(std::string& out, TimePoint /*now*/) override { request_.AppendToString(&out); }
  Next on_reply(pb::Reply& reply, TimePoint /*now*/) override {
    done_(std::move(reply));
    return Next::ended;
  }
  void fail(const Error& error) override { done_(error); }

 private:
  pb::Request request_;  // Without its id.
  Callback<pb::Reply> done_;
};

}  // namespace

class Session::State {
 public:
  State(const ClientOptions& options, SessionHooks hooks)
      : connection(context, options, std::move(hooks)), work(context.get_executor()) {
    thread = std::thread([this] {
      connection.start();
      context.run();
    });
  }

  void close() {
    if (!thread.joinable()) return;
    boost::asio::post(context, [this] { connection.close(); });
    work.reset();
    thread.join();
  }

  boost::asio::io_context context{1};
  Connection connection;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::thread thread;
};

Session::Session(const ClientOptions& options, SessionHooks hooks)
    : state_(std::make_unique<State>(options, std::move(hooks))) {}

Session::~Session() {
  close();
}

void Session::send(pb::Request request, const SendOptions& options, Callback<pb::Reply> done) {
  request.clear_id();
  const CallPolicy policy{.deadline = std::chrono::steady_clock::now() + options.deadline,
                          .when_cut = options.when_cut,
                          .when_refused = options.when_refused};
  auto call = std::make_unique<RequestCall>(policy, std::move(request), std::move(done));
  boost::asio::post(state_->context, [state = state_.get(), call = std::move(call)]() mutable {
    state->connection.submit(std::move(call));
    state->connection.step();
  });
}

boost::asio::io_context& Session::context() {
  return state_->context;
}

void Session::close() {
  state_->close();
}

}  // namespace pawl::client
