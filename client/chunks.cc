#include "client/chunks.h"

#include <algorithm>
#include <utility>

namespace pawl::client {
namespace {

std::size_t job_bytes_max(const Job& job, std::string& scratch) {
  scratch.clear();
  append_shape(scratch, job.type, job.options);
  return client::job_bytes_max(scratch.size(), job.payload, job.options);
}

}  // namespace

std::optional<Chunks::Chunk> Chunks::next() {
  std::string scratch;
  while (at_ < jobs_.size()) {
    const Job& job = jobs_[at_];
    Open& open = open_of(job.options);
    const std::size_t bytes = job_bytes_max(job, scratch);
    if (!open.positions.empty() && open.bytes + bytes > limits_.bytes_max) {
      return encode(open);
    }
    open.positions.push_back(at_++);
    open.bytes += bytes;
    if (open.positions.size() == limits_.jobs_max) {
      return encode(open);
    }
  }
  // The rest, by the place of its first jobs.
  auto first = open_.end();
  for (auto it = open_.begin(); it != open_.end(); ++it) {
    if (it->second.positions.empty()) continue;
    if (first == open_.end() || it->second.positions.front() < first->second.positions.front()) {
      first = it;
    }
  }
  if (first == open_.end()) return std::nullopt;
  return encode(first->second);
}

Chunks::Open& Chunks::open_of(const Options& options) {
  const std::string_view name_space = namespace_of(options);
  const std::string_view key(key_);
  const bool same = last_open_ != nullptr &&
                    key.size() == name_space.size() + 1 + options.queue().size() &&
                    key.starts_with(name_space) && key.ends_with(options.queue()) &&
                    key[name_space.size()] == '\0';
  if (same) return *last_open_;

  key_.assign(name_space);
  key_.push_back('\0');
  key_.append(options.queue());
  last_open_ = &open_[key_];
  return *last_open_;
}

Chunks::Chunk Chunks::encode(Open& open) const {
  auto positions = std::exchange(open.positions, {});
  const std::size_t bytes = std::exchange(open.bytes, 0);
  const Job& first = jobs_[positions.front()];
  Chunk chunk;
  chunk.head.name_space = namespace_of(first.options);
  chunk.head.queue = first.options.queue();
  const bool share = uniform(positions);
  if (share) append_shape(chunk.head.shape, first.type, first.options);
  chunk.jobs.reserve(bytes);
  std::string shape;
  for (const std::size_t position : positions) {
    const Job& job = jobs_[position];
    shape.clear();
    if (!share) append_shape(shape, job.type, job.options);
    append_job(chunk.jobs, shape, job.payload, job.options);
  }
  chunk.positions = std::move(positions);
  return chunk;
}

bool Chunks::uniform(const std::vector<std::size_t>& positions) const {
  const Job& first = jobs_[positions.front()];
  return std::all_of(positions.begin(), positions.end(),
                     [&](std::size_t position) { return same_shape(jobs_[position], first); });
}

std::string_view Chunks::namespace_of(const Options& options) const {
  return options.in_namespace().empty() ? default_namespace_ : options.in_namespace();
}

}  // namespace pawl::client
