#include "bench/messages.h"

#include <stdexcept>
#include <unistd.h>

#include "proto/wire.h"

namespace pawl::bench {
namespace {

using wire::Field;
using wire::FieldReader;
using wire::FieldWriter;

// Fields of pb::Request and pb::Reply.
constexpr std::uint32_t kId = 1;
constexpr std::uint32_t kHello = 2;
constexpr std::uint32_t kFetch = 5;
constexpr std::uint32_t kReport = 6;
constexpr std::uint32_t kHeartbeat = 7;
constexpr std::uint32_t kQueueStats = 11;
constexpr std::uint32_t kReplyError = 2;
constexpr std::uint32_t kReplyHello = 3;
constexpr std::uint32_t kReplyStats = 12;

// A request whose message is written by `fill` with a FieldWriter.
template <class Fill>
std::string request_frame(std::uint64_t id, std::uint32_t operation, Fill fill) {
  std::string frame;
  const std::size_t begun = wire::begin_frame(frame);
  FieldWriter writer(frame);
  writer.number(kId, id);
  const std::size_t message = writer.begin(operation);
  fill(writer);
  writer.end(message);
  wire::end_frame(frame, begun);
  return frame;
}

void read_error(std::string_view message, ReplyView& reply) {
  reply.error = "error without a message";
  FieldReader reader(message);
  for (Field field; reader.next(field);) {
    if (field.number == 1) reply.error_code = field.value;
    if (field.number == 2) reply.error = field.bytes;
    if (field.number == 3) reply.retry_after_ms = field.value;
  }
}

void read_queue_stat(std::string_view message, QueueCounts& counts) {
  FieldReader reader(message);
  for (Field field; reader.next(field);) {
    if (field.number == 3) counts.pending = field.value;
    if (field.number == 4) counts.processing = field.value;
    if (field.number == 6) counts.completed = field.value;
    const bool other =
        field.number == 2 || field.number == 5 || field.number == 7 || field.number == 8;
    if (other) counts.other += field.value;
  }
}

}  // namespace

ReplyView read_reply(std::string_view body) {
  ReplyView reply;
  FieldReader reader(body);
  for (Field field; reader.next(field);) {
    if (field.number == kId) {
      reply.id = field.value;
    } else if (field.number == kReplyError) {
      read_error(field.bytes, reply);
    } else {
      reply.result = field.number;
      reply.message = field.bytes;
    }
  }
  if (!reader.ok()) throw std::runtime_error("a reply that does not parse");
  return reply;
}

std::string hello_frame(Role role) {
  return request_frame(1, kHello, [&](FieldWriter& writer) {
    writer.number(1, 1);
    writer.bytes(2, "pawl-bench");
    writer.bytes(3, PAWL_VERSION);
    if (role != Role::worker) return;
    const std::size_t worker = writer.begin(6);
    writer.bytes(1, "pawl-bench");
    writer.number(3, static_cast<std::uint64_t>(::getpid()));
    writer.end(worker);
  });
}

std::uint64_t read_hello_reply(std::string_view body) {
  const ReplyView reply = read_reply(body);
  if (reply.result != kReplyHello) throw std::runtime_error("hello was refused: " + reply.error);
  FieldReader reader(reply.message);
  for (Field field; reader.next(field);) {
    if (field.number == 3) return field.value;
  }
  throw std::runtime_error("hello was answered without the broker's time");
}

std::string heartbeat_frame(std::uint64_t id) {
  return request_frame(id, kHeartbeat, [](FieldWriter&) {});
}

QueueCounts queue_counts(const Address& address, std::string_view queue) {
  Connection connection(address, Role::producer);
  const std::string body = connection.call(
      request_frame(2, kQueueStats, [&](FieldWriter& writer) { writer.element(2, queue); }));
  const ReplyView reply = read_reply(body);
  if (reply.result != kReplyStats) throw std::runtime_error("no statistics: " + reply.error);
  QueueCounts counts;
  FieldReader reader(reply.message);
  for (Field field; reader.next(field);) {
    if (field.number == 1) read_queue_stat(field.bytes, counts);
  }
  return counts;
}

std::string fetch_frame(std::uint64_t id, const FetchWish& wish) {
  return request_frame(id, kFetch, [&](FieldWriter& writer) {
    writer.element(2, wish.queue);
    writer.number(4, wish.credits);
    writer.number(5, wish.max_wait_ms);
  });
}

DeliveryView read_delivery(std::string_view message) {
  constexpr std::uint32_t kJobs = 15;
  DeliveryView delivery;
  FieldReader reader(message);
  for (Field field; reader.next(field);) {
    if (field.number == 1) delivery.batch_id = field.bytes;
    if (field.number == 4) delivery.packed_index = field.bytes;
    if (field.number == kJobs) {
      const auto front = static_cast<std::size_t>(field.raw.data() - message.data());
      delivery.jobs = message.substr(front);
      return delivery;
    }
  }
  throw std::runtime_error("a delivery without jobs");
}

void append_outcome(std::string& report, std::uint64_t token, const DeliveryView& delivery,
                    Verdict verdict) {
  FieldWriter writer(report);
  const std::size_t outcome = writer.begin(1);
  writer.fixed64(1, token);
  writer.bytes(2, delivery.batch_id);
  writer.bytes(3, delivery.packed_index);
  writer.number(4, static_cast<std::uint64_t>(verdict));
  writer.end(outcome);
}

std::string release_frame(std::uint64_t id, std::string_view fetched) {
  return request_frame(id, kReport, [&](FieldWriter& writer) {
    std::uint64_t token = 0;
    FieldReader reader(fetched);
    for (Field field; reader.next(field);) {
      if (field.number == 1) token = field.value;
      if (field.number == 2) {
        append_outcome(writer.out(), token, read_delivery(field.bytes), Verdict::release);
      }
    }
  });
}

}  // namespace pawl::bench
