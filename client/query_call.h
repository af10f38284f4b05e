#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/call.h"
#include "client/ticket.h"
#include <pawl/callback.h>

namespace pawl::client {

// A request whose reply becomes one value.
template <class T>
class QueryCall final : public Call {
 public:
  using Read = Result<T> (*)(pb::Reply&);

  QueryCall(TimePoint deadline, const pb::Request& request, Read read, Callback<T> done)
      : Call({.deadline = deadline}),
        op_(request.SerializeAsString()),
        read_(read),
        done_(std::move(done)) {}

  // Held until the call has ended.
  void hold(Ticket ticket) { ticket_ = std::move(ticket); }
  std::size_t bytes() const { return op_.size(); }

  void append_op(std::string& out, TimePoint /*now*/) override { out += op_; }
  Next on_reply(pb::Reply& reply, TimePoint /*now*/) override {
    done_(read_(reply));
    return Next::ended;
  }
  void fail(const Error& error) override { done_(error); }

 private:
  std::string op_;
  Read read_;
  Callback<T> done_;
  Ticket ticket_;
};

// Several calls that are one to the caller: the parts of a long list, joined in order. The first
// error wins.
template <class T>
class Join {
 public:
  Join(std::size_t parts, Callback<std::vector<T>> done)
      : parts_(parts), left_(parts), done_(std::move(done)) {}

  static Callback<std::vector<T>> part(const std::shared_ptr<Join>& join, std::size_t index) {
    return [join, index](Result<std::vector<T>> result) { join->put(index, std::move(result)); };
  }

 private:
  void put(std::size_t index, Result<std::vector<T>> result) {
    if (!result) {
      if (done_) done_(result.error());
      return;
    }
    parts_[index] = std::move(*result);
    if (--left_ > 0 || !done_) return;
    std::vector<T> all = std::move(parts_.front());
    for (std::size_t i = 1; i < parts_.size(); ++i) {
      std::move(parts_[i].begin(), parts_[i].end(), std::back_inserter(all));
    }
    done_(std::move(all));
  }

  std::vector<std::vector<T>> parts_;
  std::size_t left_;
  Callback<std::vector<T>> done_;
};

}  // namespace pawl::client
