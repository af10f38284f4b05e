#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>

#include "client/call.h"
#include "client/session_hooks.h"
#include "proto/pawl.pb.h"
#include <pawl/callback.h>
#include <pawl/options.h>

namespace pawl::client {

struct SendOptions {
  Milliseconds deadline{10'000};  // From now, sending again included.
  WhenCut when_cut = WhenCut::send_again;
  WhenRefused when_refused = WhenRefused::send_again;
};

// A connection to the broker that reconnects by itself, for any Request; the worker runtime stands
// on it. Thread-safe, with a thread of its own. Requests leave in the order of send(); replies come
// in any order.
class Session {
 public:
  // Throws Error{invalid_argument} for a bad URL. Connects in the background at once.
  Session(const ClientOptions& options, SessionHooks hooks);
  // As close(). Not from a hook or callback.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The request's id is set here. `done` gets a Reply without error, or the Error: the broker's
  // own, `deadline`, `connection` (WhenCut::fail) or `closed`. Never called before send() returns.
  void send(pb::Request request, const SendOptions& options, Callback<pb::Reply> done);

  // Runs on the session's thread; timers of the owner may live there too.
  boost::asio::io_context& context();

  // What is in flight fails with `closed`; ends the connection and the thread. No hook or callback
  // runs afterwards.
  void close();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace pawl::client
