#pragma once

#include <string>
#include <string_view>

#include "broker/core/types.h"
#include "broker/net/field_check.h"
#include "proto/pawl.pb.h"
#include "proto/slot.h"

namespace pawl::net {

// The batch of the golden examples.
inline constexpr core::BatchId kMail{0x019ab697e8007ecb, 0x923456789abcd000};
inline constexpr std::uint64_t kMailTime = 1'764'000'000'000;

inline core::BatchId batch_for(std::string_view ns, std::string_view queue,
                               std::uint64_t number = 1) {
  return {kMailTime << 16 | 0x7000 | wire::slot_of(ns, queue), 2ULL << 62 | number << 12};
}

inline std::string bytes_of(const core::JobId& id) {
  std::string bytes;
  append_id(bytes, id);
  return bytes;
}

// An enqueue with a batch id for its queue; jobs are added by the test.
inline pb::Enqueue enqueue_for(const std::string& queue) {
  pb::Enqueue enqueue;
  enqueue.set_batch_id(bytes_of(batch_for("", queue)));
  enqueue.set_queue(queue);
  return enqueue;
}

}  // namespace pawl::net
