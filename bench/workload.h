#pragma once

#include <cstdint>
#include <vector>

#include "bench/connection.h"
#include "bench/histogram.h"
#include "bench/producer.h"
#include "bench/worker.h"

// The workloads: each runs against a broker that is there, on the calling thread (latency: two),
// and throws std::runtime_error when a job was lost, doubled or refused.
namespace pawl::bench {

struct Rate {
  std::uint64_t jobs = 0;
  double seconds = 0;
  double per_second() const { return static_cast<double>(jobs) / seconds; }
};

struct WorkersPlan {
  WorkerPlan worker;
  std::size_t sessions = 2;
};

// Enqueues plan.jobs.
Rate enqueue(const Address& address, const ProducerPlan& plan);

struct Drained {
  Rate whole;
  Rate to_mark;  // Up to `mark` jobs; whole when there was no mark.
  Clock::time_point began;
};
// Fetches, runs and completes the jobs numbered from 0 to `jobs`, which are all there.
Drained drain(const Address& address, const WorkersPlan& plan, std::uint64_t jobs,
              std::uint64_t mark = 0);

// Both at once, from an empty queue to the last completion.
Rate pipeline(const Address& address, const ProducerPlan& producer, const WorkersPlan& workers);

struct Latency {
  Histogram from_call;
  Histogram from_due;
};
// An open loop of single jobs, with producer and worker on threads of their own.
Latency latency(const Address& address, const ProducerPlan& producer, const WorkerPlan& worker);

// Waits until a job has been delivered, and hands it back unrun.
void first_delivery(const Address& address, const std::string& queue);

// Throws unless the queue holds just so many of each and none else.
void check_counts(const Address& address, const std::string& queue, std::uint64_t pending,
                  std::uint64_t completed);

}  // namespace pawl::bench
