#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "broker/core/reply.h"
#include "broker/net/output.h"
#include "broker/net/request.h"
#include "broker/net/services.h"
#include "proto/frame.h"

namespace pawl::net {

// The protocol on one connection, without the connection: frames and the engine's answers come in,
// commands go to the sink and bytes into output(). Not thread-safe; one I/O thread owns it.
class Conversation {
 public:
  Conversation(core::ConnectionId id, const Services& services, const NetSettings& settings)
      : id_(id), services_(services), settings_(settings) {}

  // The body of one frame. REQUIRES: accepts().
  void take(std::string_view body);
  // The stream cannot be cut into frames any more: says so and ends.
  void refuse_stream(wire::FrameError error);
  // All connections together hold too much, and this one was chosen: says so and ends.
  void overload();
  // An answer of the engine, or a push. One to a request that is not in flight is dropped.
  void answer(const core::Reply& reply);
  // The broker is stopping: tells the client, ends its waits for jobs and takes no new jobs.
  void stop();

  // Posts a heartbeat for its worker, who has said something that was not taken yet.
  // REQUIRES: has_session().
  void vouch();

  // Whether to go on reading; answers that leave change it.
  bool accepts() const;
  // Nothing more will be taken: close when the output is written.
  bool ended() const { return stage_ == Stage::ended; }
  bool greeted() const { return stage_ != Stage::fresh; }
  // The engine has heard of this connection.
  bool known_to_engine() const { return known_to_engine_; }
  // It is a worker's.
  bool has_session() const { return !session_.empty(); }
  std::size_t in_flight() const { return in_flight_.size(); }
  std::size_t frame_bytes_max() const;
  Output& output() { return output_; }
  const Output& output() const { return output_; }
  core::ConnectionId id() const { return id_; }

 private:
  enum class Stage : std::uint8_t { fresh, opening, open, ended };
  struct InFlight {
    std::uint64_t request = 0;
    Operation operation = Operation::none;
    std::size_t reply_bytes = 0;  // Expected, where it may be much.
  };

  void greet(const Request& request, std::size_t body_bytes);
  void serve(const Request& request);
  core::Command decode(const Request& request, FieldCheck& check) const;
  void post(const Request& request, core::Command&& command);
  bool hand_over(Operation operation, core::Command&& command, std::size_t bytes);
  void answer_refused_jobs(const Request& request, core::Enqueue& enqueue);
  void refuse(std::uint64_t request, const Fault& fault);
  void end(std::uint64_t request, core::Errc code, std::string_view message,
           core::Milliseconds retry_after = {});
  bool is_in_flight(std::uint64_t request) const;
  bool is_in_flight(Operation operation) const;
  bool land(std::uint64_t request);
  std::size_t whole_waits() const;  // In flight, with payloads.

  const core::ConnectionId id_;
  const Services& services_;
  const NetSettings& settings_;
  Output output_;
  std::vector<InFlight> in_flight_;
  std::size_t expected_bytes_ = 0;  // Of the replies to what is in flight.
  core::SessionId session_;
  Stage stage_ = Stage::fresh;
  bool known_to_engine_ = false;
  bool stopping_ = false;
};

}  // namespace pawl::net
