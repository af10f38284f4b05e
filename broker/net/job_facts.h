#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "broker/core/command.h"
#include "broker/net/field_check.h"

namespace pawl::net {

// Bounds that operators may lower.
struct JobBounds {
  std::size_t payload_bytes_max = core::limits::kPayloadBytesMax;
};

// What the broker itself acts on in a job. Merging is reading on: read the defaults, copy, read the
// job; scalars of the job win, lists add up. The views point into the messages that were read.
struct JobFacts {
  std::string_view type;
  std::uint8_t priority = core::limits::kPriorityDefault;
  std::string_view key;
  core::JobOptions options;
  std::uint64_t delay_ms = 0;
  std::uint64_t run_at_ms = 0;

  // Counted over the defaults and the job.
  std::uint32_t headers = 0;
  std::uint32_t tags = 0;
  std::size_t unknown_bytes = 0;

  // Takes in one Job message; every field is checked, those that the broker only carries too.
  void read(std::string_view message, const JobBounds& bounds, FieldCheck& check);
  // What can only be said of the whole: after the job's own message.
  void check_whole(FieldCheck& check) const;

  core::Due due() const;
  // The jobs wait in the same lane as one run.
  bool same_run(const JobFacts& other) const;

 private:
  void read_field(const wire::Field& field, const JobBounds& bounds, FieldCheck& check);
  void read_when(const wire::Field& field, FieldCheck& check);
  void read_retry(std::string_view message, FieldCheck& check);
  void read_header(std::string_view message, FieldCheck& check);
  void unknown(const wire::Field& field, FieldCheck& check);
};

}  // namespace pawl::net
