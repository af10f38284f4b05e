#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/backoff.h"
#include "client/call.h"
#include "client/window.h"

namespace pawl::client {

struct PipelineOptions {
  std::chrono::milliseconds connect_timeout{5'000};  // For the socket and the greeting together.
  std::chrono::milliseconds backoff{100};
  std::chrono::milliseconds backoff_max{5'000};
  std::chrono::milliseconds silence_limit{5'000};
  // On the wire at once, where the broker takes as much.
  std::size_t window = 192;
  std::size_t long_polls_max = 96;  // Of those.
  std::uint64_t seed = 1;
};

struct PipelineHooks {
  std::function<void(const pb::HelloReply&)> on_ready;
  std::function<void(const pb::Reply&)> on_push;
  // The broker's timeline as a Pong has just told it, in Unix milliseconds.
  std::function<void(std::uint64_t)> on_server_time{};
};

// Every decision of a connection, and none of its I/O: request ids, what is in flight, which reply
// belongs to what, what is sent again after a cut or a refusal, deadlines, when to connect and when
// to give a connection up. Time is handed in. Not thread-safe; calls must not be submitted from
// inside of a Call's or hook's function.
class Pipeline {
 public:
  enum class Decision { none, connect, cut };

  Pipeline(const PipelineOptions& options, PipelineHooks hooks);

  void submit(std::unique_ptr<Call> call, TimePoint now);

  // Ends what is due and says what to do with the connection. `connect` counts as begun:
  // on_connected() or on_cut() must follow, and on_cut() after `cut`.
  Decision advance(TimePoint now);
  // When advance() wants to be called next; TimePoint::max() for never.
  TimePoint next_deadline() const;

  // The socket is open; the next write() begins with this Hello.
  void on_connected(const pb::Hello& hello);
  // One frame from the broker. An error is the reason to cut the connection.
  std::optional<Error> on_frame(std::string_view body, TimePoint now);
  // Some of what write() gave has left this machine. A slow link is a living one.
  void on_progress(TimePoint now);
  // The connection is gone or could not be made.
  void on_cut(const Error& why, TimePoint now);

  // Appends frames to be sent now, until `out` has `bytes` or more. Nothing appended: nothing to
  // send.
  void write(std::string& out, std::size_t bytes, TimePoint now);

  // Ends everything for good.
  void close(const Error& why);

  std::size_t in_flight() const { return entries_.size(); }
  bool ready() const { return phase_ == Phase::ready; }

 private:
  enum class Phase { resting, connecting, greeting, ready };
  enum class Stage {
    queued,
    sent,
    resting,  // Refused; sent again when it wakes.
    dated,    // Refused for its age; sent again when the broker has told its time.
  };

  struct Entry {
    std::unique_ptr<Call> call;
    Stage stage = Stage::queued;
    Load load;  // As it was sent.
    TimePoint deadline;
    TimePoint wake;                // The deadline, or the end of a rest before it.
    std::optional<Error> refusal;  // The last one.
    int refusals = 0;
    bool was_sent = false;
    bool outcome_unknown =
        false;  // Some earlier sending has no answer, or one that leaves it open.
  };
  using Entries = std::map<std::uint64_t, Entry>;

  void queue(Entries::iterator it);
  void clear_queues();
  Entries::iterator next_to_write();
  Entries::iterator front_of(std::deque<std::uint64_t>& ids);
  void wake_at(Entries::iterator it, TimePoint wake);
  void wake_up(Entries::iterator it, TimePoint now);
  void expire(Entries::iterator it, TimePoint now);
  void end(Entries::iterator it);
  void fail(Entries::iterator it, Error error);
  bool remedied(Entries::iterator it, const Error& refusal);
  void rest(Entries::iterator it, const Error& refusal, TimePoint now);

  std::optional<Error> on_greeting(const pb::Reply& reply, TimePoint now);
  void on_answer(Entries::iterator it, pb::Reply& reply, TimePoint now);
  void on_refusal(Entries::iterator it, const pb::Error& refusal, TimePoint now);
  void on_pong(const pb::PingReply& pong);
  Error deadline_error(const Entry& entry) const;
  TimePoint silence_ends() const;
  void write_entry(std::string& out, Entries::iterator it, TimePoint now);

  PipelineOptions options_;
  PipelineHooks hooks_;
  Backoff reconnect_;
  std::minstd_rand random_;

  Phase phase_ = Phase::resting;
  TimePoint phase_ends_{};  // When to connect, or until when to connect and greet.
  bool answered_ = false;   // This connection has answered more than the greeting.
  Error last_cut_;
  std::size_t frame_bytes_max_;

  std::string hello_;
  bool ping_due_ = false;
  bool ping_sent_ = false;
  // The last sign of life, or when the first answer became due.
  TimePoint heard_at_{};

  std::uint64_t next_id_;
  Entries entries_;
  std::set<std::pair<TimePoint, std::uint64_t>> wakes_;
  // Ids of entries that wait to be sent; they may have ended meanwhile. Each kind has bounds of its
  // own, and none stands in the way of the others: plain ones, long polls, large answers.
  std::array<std::deque<std::uint64_t>, 3> queues_;
  std::vector<std::uint64_t> dated_;  // The same for those that wait for the broker's time.
  Window window_;
  std::size_t long_polls_ = 0;  // Sent or not.
  pb::Reply reply_;
};

}  // namespace pawl::client
