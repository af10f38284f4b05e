#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/connection.h"

// What the generator says and hears, by hand on the wire's bytes: it must cost little beside the
// broker. proto/README.md has the messages.
namespace pawl::bench {

// How a reply of the broker reads. `message` is the result's bytes.
struct ReplyView {
  std::uint64_t id = 0;
  std::uint32_t result = 0;  // Field number in pb::Reply; 0 for an error.
  std::string_view message;
  std::string error;
  std::uint64_t error_code = 0;
  std::uint64_t retry_after_ms = 0;
};
inline constexpr std::uint32_t kEnqueueResult = 5;
inline constexpr std::uint32_t kFetchResult = 6;
inline constexpr std::uint32_t kReportResult = 7;
inline constexpr std::uint64_t kOverloadedCode = 9;

// Throws std::runtime_error for what is no reply.
ReplyView read_reply(std::string_view body);

std::string hello_frame(Role role);
// The broker's time in milliseconds. Throws when it refused.
std::uint64_t read_hello_reply(std::string_view body);

std::string heartbeat_frame(std::uint64_t id);

// Jobs of a queue by state.
struct QueueCounts {
  std::uint64_t pending = 0;
  std::uint64_t processing = 0;
  std::uint64_t completed = 0;
  std::uint64_t other = 0;  // Scheduled, retrying, failed, cancelled.
};
QueueCounts queue_counts(const Address& address, std::string_view queue);

struct FetchWish {
  std::string queue;
  std::uint32_t credits = 100;
  std::uint32_t max_wait_ms = 10'000;
};
std::string fetch_frame(std::uint64_t id, const FetchWish& wish);

// A Delivery of a FetchReply as far as the generator needs it.
struct DeliveryView {
  std::string_view batch_id;
  std::string_view packed_index;
  std::string_view jobs;  // From the first job's field on; nothing but jobs follows.
};
DeliveryView read_delivery(std::string_view message);

enum class Verdict : std::uint8_t { complete = 1, release = 3 };
// Appends a pb::Outcome for a whole delivery to a report's message.
void append_outcome(std::string& report, std::uint64_t token, const DeliveryView& delivery,
                    Verdict verdict);
// A report that hands back everything in a FetchReply.
std::string release_frame(std::uint64_t id, std::string_view fetched);

}  // namespace pawl::bench
