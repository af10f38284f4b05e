#include "bench/enqueue_frame.h"

#include <cstring>

#include "proto/frame.h"
#include "proto/slot.h"
#include "proto/wire.h"

namespace pawl::bench {
namespace {

constexpr std::uint32_t kRequestId = 1;
constexpr std::uint32_t kEnqueue = 4;
constexpr std::uint32_t kBatchId = 1;
constexpr std::uint32_t kQueue = 3;
constexpr std::uint32_t kDefaults = 5;
constexpr std::uint32_t kJobs = 15;
constexpr std::uint32_t kType = 1;
constexpr std::uint32_t kJobPayload = 3;

constexpr std::size_t kJobBytes = wire::bytes_field_bytes(kJobPayload, kPayloadBytes);
constexpr std::size_t kJobFieldBytes = wire::bytes_field_bytes(kJobs, kJobBytes);

void store_be64(char* at, std::uint64_t value) {
  for (int i = 8; i-- > 0; value >>= 8) at[i] = static_cast<char>(value & 0xff);
}

}  // namespace

Mark mark_of(std::string_view payload) {
  Mark mark;
  if (payload.size() >= sizeof(mark)) std::memcpy(&mark, payload.data(), sizeof(mark));
  return mark;
}

EnqueueFrame::EnqueueFrame(const Shape& shape)
    : jobs_(shape.jobs), slot_(wire::slot_of("", shape.queue)) {
  const std::size_t begun = wire::begin_frame(frame_);
  wire::FieldWriter writer(frame_);
  writer.number(kRequestId, shape.request_id);

  std::string front;
  wire::FieldWriter message(front);
  message.bytes(kBatchId, std::string(16, '\0'));
  const std::size_t id_in_front = front.size() - 16;
  message.bytes(kQueue, shape.queue);
  const std::size_t defaults = message.begin(kDefaults);
  message.bytes(kType, kJobType);
  message.end(defaults);

  writer.length(kEnqueue, front.size() + jobs_ * kJobFieldBytes);
  id_at_ = frame_.size() + id_in_front;
  frame_.append(front);
  first_payload_at_ = frame_.size() + kJobFieldBytes - kPayloadBytes;
  const std::string payload(kPayloadBytes, '\0');
  for (std::size_t i = 0; i < jobs_; ++i) {
    writer.length(kJobs, kJobBytes);
    writer.bytes(kJobPayload, payload);
  }
  wire::end_frame(frame_, begun);
}

void EnqueueFrame::refill(std::uint64_t time_ms, const Mark& first, RandomBytes& random) {
  // time:48 version:4=7 slot:12 variant:2=0b10 random:50 index:12=0
  store_be64(frame_.data() + id_at_, time_ms << 16 | 0x7000u | slot_);
  store_be64(frame_.data() + id_at_ + 8, std::uint64_t{1} << 63 | (random.next() >> 14) << 12);

  Mark mark = first;
  char* payload = frame_.data() + first_payload_at_;
  for (std::size_t i = 0; i < jobs_; ++i) {
    std::memcpy(payload, &mark, sizeof(mark));
    random.fill(payload + sizeof(mark), kPayloadBytes - sizeof(mark));
    ++mark.number;
    payload += kJobFieldBytes;
  }
}

}  // namespace pawl::bench
