#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/actor.h"
#include "bench/enqueue_frame.h"
#include "bench/messages.h"

namespace pawl::bench {

struct ProducerPlan {
  std::string queue = "bench";
  std::uint64_t first_number = 0;
  std::uint64_t jobs = 0;      // A multiple of `batch`.
  std::size_t batch = 100;     // Jobs of a request.
  std::size_t in_flight = 8;   // Requests that wait for their replies; the bound of an open loop.
  double jobs_per_second = 0;  // 0: closed loop, each reply sends the next request.
};

// Enqueues a run of jobs, each exactly once: what is refused for a while is sent again as it
// stands.
class Producer : public Actor {
 public:
  Producer(const Address& address, const ProducerPlan& plan);

  Connection& connection() override { return connection_; }
  void start(Clock::time_point now) override;
  void on_frame(std::string_view body, Clock::time_point now) override;
  std::optional<Clock::time_point> next_time() const override;
  void on_time(Clock::time_point now) override;
  bool done() const override { return accepted_ == plan_.jobs; }
  std::uint64_t progress() const override { return accepted_; }

  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t put_off() const { return put_off_; }  // Requests told to come again.

 private:
  struct Again {
    Clock::time_point at;
    std::size_t slot = 0;
  };

  bool open_loop() const { return plan_.jobs_per_second > 0; }
  Clock::time_point due_time() const;
  void send_next(std::size_t slot, Clock::time_point now);
  void send_due(Clock::time_point now);
  void on_error(const ReplyView& reply, std::size_t slot, Clock::time_point now);

  ProducerPlan plan_;
  Connection connection_;
  RandomBytes random_;
  std::vector<EnqueueFrame> frames_;  // A request's id is its place here, plus 1.
  std::vector<std::size_t> free_;     // Slots without a request in flight.
  std::vector<Again> again_;
  Clock::time_point started_at_;
  std::uint64_t sent_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t put_off_ = 0;
};

}  // namespace pawl::bench
