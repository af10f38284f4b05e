#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/core/settings.h"
#include "broker/store/memory_store.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/saboteur.h"

namespace pawl::simulation {

// What a seed makes of a run: the broker's settings, who is there, and what goes wrong how often.
// A time of zero means never.
struct Plan {
  static Plan draw(std::uint64_t seed);
  std::string describe() const;

  std::uint64_t seed = 0;
  enum class Faults : std::uint8_t { none, some } faults = Faults::none;
  Sabotage sabotage{};  // Only to see whether it is found out.
  core::Settings settings;
  store::MemoryOptions store;

  Micros net_delay{0};     // At most.
  Micros commit_delay{0};  // At most; likewise.
  Micros read_delay{0};
  Micros turn_delay{0};  // Commands gather this long before the broker looks at them.

  Micros crash_every{0};
  Micros stop_every{0};
  Micros cut_every{0};
  Micros wall_jump_every{0};
  Micros disk_full_every{0};
  Micros night_every{0};  // Everything stands still, up to night_max.
  core::Milliseconds night_max{0};
  Micros store_down{0};                 // The broker stays away at most this long after a crash.
  std::uint64_t store_fault_mille = 0;  // Of the commits.
  std::uint64_t read_failure_mille = 0;

  Micros active{0};  // Afterwards everything heals and is drained.
  std::size_t producers = 1;
  std::size_t workers = 1;
  std::size_t batches = 10;  // Of each producer.
  Micros enqueue_every{0};
  std::size_t jobs_max = 10;  // Of a batch.
  std::size_t payload_max = 100;
  std::size_t result_max = 100;
  std::vector<std::string> queues;
  std::vector<std::string> types;
  std::vector<std::string> namespaces{"default"};
  std::size_t keys = 1;
  std::size_t key_bytes = 0;      // At least.
  std::size_t groups_max = 4;     // Of a batch.
  std::uint64_t due_percent = 0;  // Of the groups have a delay or a run-at.
  Micros due_max{0};
  std::uint32_t attempts_max = 3;
  Micros run_time{0};  // Of a job, at most.
  std::uint32_t credits_max = 10;
  Micros fetch_wait{0};
  std::uint64_t fail_percent = 0;
  std::uint64_t release_percent = 0;
  std::uint64_t mischief_percent =
      0;  // Workers that go silent, die, report twice or with stale tokens.
  Micros query_every{0};
  std::uint64_t cancel_percent = 0;  // Of the queries.
};

}  // namespace pawl::simulation
