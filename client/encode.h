#pragma once

#include <string>
#include <string_view>

#include <pawl/job.h>

namespace pawl::client {

// A job's bytes in two parts: its shape, which the jobs of a batch mostly have in common and which
// then travels once (type, priority, retry policy, ...), and its own (payload, key, times,
// headers). Each is a pb::Job, and so is one followed by the other.
void append_shape(std::string& out, std::string_view type, const Options& options);
bool same_shape(const Job& a, const Job& b);

// Appends the job as an element of Enqueue.jobs. `shape` is empty when the batch's defaults hold
// it.
void append_job(std::string& out, std::string_view shape, std::string_view payload,
                const Options& options);
// At most so many bytes does append_job() append for a shape of `shape_bytes`.
std::size_t job_bytes_max(std::size_t shape_bytes, std::string_view payload,
                          const Options& options);

// What the jobs of a batch have in common.
struct EnqueueHead {
  std::string name_space;
  std::string queue;
  BatchMode mode = BatchMode::per_job;
  std::string shape;
};

// Appends Request.enqueue. `jobs` is what append_job() made.
void append_enqueue_op(std::string& out, const JobId& batch, const EnqueueHead& head,
                       std::string_view jobs);

}  // namespace pawl::client
