#include "broker/net/encode.h"
#include "broker/net/field_check.h"
#include "proto/wire.h"

namespace pawl::net {
namespace {

// Fields of pb::Reply, pb::FetchReply and pb::Delivery.
constexpr std::uint32_t kReplyId = 1;
constexpr std::uint32_t kReplyFetch = 6;
constexpr std::uint32_t kToken = 1;
constexpr std::uint32_t kDeliveries = 2;
constexpr std::uint32_t kBatchId = 1;
constexpr std::uint32_t kQueue = 2;
constexpr std::uint32_t kAcceptedAt = 3;
constexpr std::uint32_t kIndex = 4;
constexpr std::uint32_t kAttempt = 5;
constexpr std::uint32_t kDefaults = 6;

constexpr std::size_t kFixed64FieldBytes = 9;

std::size_t packed_bytes(const core::IndexSet& jobs) {
  std::size_t bytes = 0;
  for (const auto& range : jobs.ranges()) {
    const std::size_t count = static_cast<std::size_t>(range.end - range.begin);
    const std::size_t short_ones =
        range.begin >= 0x80 ? 0 : std::min<std::size_t>(range.end, 0x80) - range.begin;
    bytes += 2 * count - short_ones;
  }
  return bytes;
}

std::size_t packed_bytes(const std::vector<std::uint32_t>& values) {
  std::size_t bytes = 0;
  for (const std::uint32_t value : values) bytes += wire::varint_bytes(value);
  return bytes;
}

// The body is gathered, so its length is known but never stands in one string.
void append_frame_header(std::string& out, std::size_t body_bytes) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(body_bytes >> shift));
}

// Lengths of a delivery's parts; each must be known before what stands around it.
struct Measure {
  std::size_t index = 0;
  std::size_t attempt = 0;
  std::size_t whole = 0;
};

Measure measure(const core::Delivery& delivery) {
  Measure size;
  size.index = packed_bytes(delivery.jobs);
  size.attempt = packed_bytes(delivery.attempts);
  size.whole = wire::bytes_field_bytes(kBatchId, 16) +
               wire::bytes_field_bytes(kQueue, delivery.queue->size()) +
               wire::number_bytes(kAcceptedAt, core::to_ms(delivery.accepted_at)) +
               wire::bytes_field_bytes(kIndex, size.index);
  if (size.attempt > 0) size.whole += wire::bytes_field_bytes(kAttempt, size.attempt);
  if (!delivery.defaults.empty()) {
    size.whole += wire::bytes_field_bytes(kDefaults, delivery.defaults.size());
  }
  for (const core::Blob& record : delivery.records) size.whole += record.size();
  return size;
}

void write_delivery(const core::Delivery& delivery, const Measure& size, Output& output) {
  wire::FieldWriter writer(output.text());
  writer.length(kDeliveries, size.whole);
  writer.length(kBatchId, 16);
  append_id(writer.out(), delivery.batch);
  writer.element(kQueue, *delivery.queue);
  writer.number(kAcceptedAt, core::to_ms(delivery.accepted_at));
  writer.length(kIndex, size.index);
  delivery.jobs.for_each([&](core::JobIndex index) { writer.varint(index); });
  if (size.attempt > 0) {
    writer.length(kAttempt, size.attempt);
    for (const std::uint32_t attempt : delivery.attempts) writer.varint(attempt);
  }
  if (!delivery.defaults.empty()) {
    writer.length(kDefaults, delivery.defaults.size());
    output.append(delivery.defaults);
  }
  for (const core::Blob& record : delivery.records) output.append(record);
}

}  // namespace

void encode_granted(std::uint64_t request, const core::Granted& granted, Output& output) {
  std::vector<Measure> sizes;
  sizes.reserve(granted.deliveries.size());
  std::size_t fetch_bytes = granted.token.value == 0 ? 0 : kFixed64FieldBytes;
  for (const core::Delivery& delivery : granted.deliveries) {
    sizes.push_back(measure(delivery));
    fetch_bytes += wire::bytes_field_bytes(kDeliveries, sizes.back().whole);
  }
  append_frame_header(output.text(), wire::number_bytes(kReplyId, request) +
                                         wire::bytes_field_bytes(kReplyFetch, fetch_bytes));
  wire::FieldWriter writer(output.text());
  writer.number(kReplyId, request);
  writer.length(kReplyFetch, fetch_bytes);
  writer.fixed64(kToken, granted.token.value);
  for (std::size_t i = 0; i < granted.deliveries.size(); ++i) {
    write_delivery(granted.deliveries[i], sizes[i], output);
  }
}

}  // namespace pawl::net
