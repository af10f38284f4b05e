#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/batcher.h"
#include "client/encode.h"
#include <pawl/job.h>

namespace pawl::client {

// Cuts many jobs into batches: those of one queue together, in their order, each batch within the
// limits. The jobs must outlive it.
class Chunks {
 public:
  struct Chunk {
    EnqueueHead head;
    std::string jobs;
    std::vector<std::size_t>
        positions;  // positions[i]: where the batch's i-th job stands in the input.
  };

  Chunks(std::span<const Job> jobs, const BatchLimits& limits, std::string_view default_namespace)
      : jobs_(jobs), limits_(limits), default_namespace_(default_namespace) {}

  // Nothing after the last.
  std::optional<Chunk> next();

 private:
  struct Open {
    std::vector<std::size_t> positions;
    std::size_t bytes = 0;
  };

  Open& open_of(const Options& options);
  Chunk encode(Open& open) const;
  bool uniform(const std::vector<std::size_t>& positions) const;
  std::string_view namespace_of(const Options& options) const;

  std::span<const Job> jobs_;
  BatchLimits limits_;
  std::string_view default_namespace_;
  std::size_t at_ = 0;
  std::unordered_map<std::string, Open> open_;  // By namespace and queue.
  std::string key_;                             // Of last_open_.
  Open* last_open_ = nullptr;
};

}  // namespace pawl::client
