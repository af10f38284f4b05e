#pragma once

#include <functional>
#include <string>
#include <utility>

#include "client/call.h"

namespace pawl::worker {

// A request of the worker's own making.
class OpCall final : public client::Call {
 public:
  struct Hooks {
    std::function<void(std::string&)> append;
    std::function<void(pb::Reply&)> on_reply;
    std::function<void(const Error&)> on_failed;
  };

  OpCall(const client::CallPolicy& policy, Hooks hooks)
      : client::Call(policy), hooks_(std::move(hooks)) {}

  void append_op(std::string& out, client::TimePoint /*now*/) override { hooks_.append(out); }
  Next on_reply(pb::Reply& reply, client::TimePoint /*now*/) override {
    hooks_.on_reply(reply);
    return Next::ended;
  }
  void fail(const Error& error) override { hooks_.on_failed(error); }

 private:
  Hooks hooks_;
};

}  // namespace pawl::worker
