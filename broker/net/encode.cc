#include "broker/net/encode.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "broker/core/limits.h"
#include "broker/net/encode_job.h"
#include "broker/net/field_check.h"
#include "proto/frame.h"
#include "proto/wire.h"

namespace pawl::net {
namespace {

using core::Errc;
using wire::FieldWriter;

// Fields of pb::Reply.
constexpr std::uint32_t kId = 1;
constexpr std::uint32_t kError = 2;
constexpr std::uint32_t kHello = 3;
constexpr std::uint32_t kPing = 4;
constexpr std::uint32_t kStop = 15;

void write_id(std::uint32_t field, const core::JobId& id, FieldWriter& writer) {
  writer.length(field, 16);
  append_id(writer.out(), id);
}

void write_body(const core::Accepted& accepted, FieldWriter& writer) {
  for (const core::RefusedJob& refused : accepted.refused) {
    const std::size_t begun = writer.begin(1);
    writer.number(1, refused.index);
    writer.number(2, static_cast<std::uint64_t>(refused.code));
    writer.bytes(3, refused.message);
    writer.end(begun);
  }
  writer.number(2, static_cast<std::uint64_t>(accepted.level));
  writer.number(3, accepted.duplicate ? 1 : 0);
}

void write_body(const core::Reported& reported, FieldWriter& writer) {
  for (const core::RefusedOutcome& refused : reported.refused) {
    const std::size_t begun = writer.begin(1);
    writer.number(1, refused.outcome);
    writer.number(2, refused.index);
    writer.number(3, static_cast<std::uint64_t>(refused.code));
    writer.end(begun);
  }
}

void write_body(const core::Beaten& beaten, FieldWriter& writer) {
  writer.number(1, core::to_ms(beaten.now));
}

void write_body(const core::JobViews& views, FieldWriter& writer) {
  for (const core::JobView& view : views.jobs) write_job(1, view, writer);
}

void write_body(const core::Waited& waited, FieldWriter& writer) {
  write_job(1, waited.job, writer);
}

void write_body(const core::Listed& listed, FieldWriter& writer) {
  for (const core::JobView& view : listed.jobs) write_job(1, view, writer);
  writer.bytes(2, listed.next_cursor);
}

void write_body(const core::Counted& counted, FieldWriter& writer) {
  for (const core::QueueCounts& queue : counted.queues) {
    const std::size_t begun = writer.begin(1);
    writer.bytes(1, queue.queue);
    writer.number(2, queue.scheduled);
    writer.number(3, queue.pending);
    writer.number(4, queue.processing);
    writer.number(5, queue.retrying);
    writer.number(6, queue.completed);
    writer.number(7, queue.failed);
    writer.number(8, queue.cancelled);
    writer.number(9, static_cast<std::uint64_t>(queue.oldest_pending.count()));
    writer.number(10, queue.lanes);
    writer.end(begun);
  }
}

void write_body(const core::CancelVerdicts& verdicts, FieldWriter& writer) {
  for (const core::CancelVerdict& verdict : verdicts.jobs) {
    const std::size_t begun = writer.begin(1);
    writer.number(1, static_cast<std::uint64_t>(verdict.code));
    writer.number(2, static_cast<std::uint64_t>(verdict.state));
    writer.end(begun);
  }
}

void write_body(const core::CancelRunning& cancel, FieldWriter& writer) {
  writer.fixed64(1, cancel.token.value);
  write_id(2, cancel.job.batch(), writer);
  writer.number(3, cancel.job.index());
}

void write_body(const core::Stopping&, FieldWriter& writer) {
  writer.bytes(1, "the broker stops");
}

// Each body's field in pb::Reply. A refusal, a session and a grant are written in their own ways.
constexpr std::uint32_t field_of(const core::Accepted&) {
  return 5;
}
constexpr std::uint32_t field_of(const core::Reported&) {
  return 7;
}
constexpr std::uint32_t field_of(const core::Beaten&) {
  return 8;
}
constexpr std::uint32_t field_of(const core::JobViews&) {
  return 9;
}
constexpr std::uint32_t field_of(const core::Waited&) {
  return 10;
}
constexpr std::uint32_t field_of(const core::Listed&) {
  return 11;
}
constexpr std::uint32_t field_of(const core::Counted&) {
  return 12;
}
constexpr std::uint32_t field_of(const core::CancelVerdicts&) {
  return 13;
}
constexpr std::uint32_t field_of(const core::CancelRunning&) {
  return 14;
}
constexpr std::uint32_t field_of(const core::Stopping&) {
  return kStop;
}

// Appends one frame of which write(writer) makes what follows the id.
template <class Write>
void append_reply(std::uint64_t request, Output& output, const Write& write) {
  std::string& out = output.text();
  const std::size_t before = out.size();
  const std::size_t begun = wire::begin_frame(out);
  FieldWriter writer(out);
  writer.number(kId, request);
  write(writer);
  if (out.size() - begun <= core::limits::kFrameBytesMax) {
    wire::end_frame(out, begun);
    return;
  }
  out.resize(before);
  encode_refused(
      request, {Errc::too_large, "the reply would be over 4 MiB: ask for fewer jobs", {}}, output);
}

template <class Write>
void append_message(std::uint64_t request, std::uint32_t field, Output& output,
                    const Write& write) {
  append_reply(request, output, [&](FieldWriter& writer) {
    const std::size_t begun = writer.begin(field);
    write(writer);
    writer.end(begun);
  });
}

void write_session(const core::SessionOpened& opened, const Greeting& greeting,
                   FieldWriter& writer) {
  write_id(7, {opened.session.high, opened.session.low}, writer);
  writer.number(8, static_cast<std::uint64_t>(greeting.heartbeat.count()));
  writer.number(9, static_cast<std::uint64_t>(greeting.lease.count()));
  for (const core::Held& held : opened.lost) {
    const std::size_t begun = writer.begin(10);
    writer.fixed64(1, held.token.value);
    write_id(2, held.batch, writer);
    const std::size_t indexes = writer.begin(3);
    held.jobs.for_each([&](core::JobIndex index) { writer.varint(index); });
    writer.end(indexes);
    writer.end(begun);
  }
}

}  // namespace

void encode_refused(std::uint64_t request, const core::Refused& refused, Output& output) {
  append_message(request, kError, output, [&](FieldWriter& writer) {
    writer.number(1, static_cast<std::uint64_t>(refused.code));
    writer.bytes(2, refused.message);
    writer.number(3, static_cast<std::uint64_t>(refused.retry_after.count()));
    writer.number(4, core::retryable(refused.code) ? 1 : 0);
  });
}

void encode_hello(std::uint64_t request, const Greeting& greeting, core::Timestamp now,
                  const core::SessionOpened* session, Output& output) {
  append_message(request, kHello, output, [&](FieldWriter& writer) {
    writer.number(1, kProtocolVersion);
    writer.bytes(2, greeting.version);
    writer.number(3, core::to_ms(now));
    writer.number(5, greeting.frame_bytes_max);
    writer.number(6, greeting.payload_bytes_max);
    if (session != nullptr) write_session(*session, greeting, writer);
    writer.number(11, greeting.requests_in_flight_max);
    writer.number(12, greeting.unread_reply_bytes_max);
  });
}

void encode_ping(std::uint64_t request, const Greeting& greeting, core::Timestamp now,
                 core::Milliseconds uptime, Output& output) {
  append_message(request, kPing, output, [&](FieldWriter& writer) {
    writer.number(1, core::to_ms(now));
    writer.number(2, static_cast<std::uint64_t>(uptime.count()));
    writer.bytes(3, greeting.version);
  });
}

void encode_stop(std::string_view reason, Output& output) {
  append_message(0, kStop, output, [&](FieldWriter& writer) { writer.bytes(1, reason); });
}

void encode_reply(const core::Reply& reply, Output& output) {
  const std::uint64_t request = reply.ticket.request;
  std::visit(
      [&]<class Body>(const Body& body) {
        if constexpr (std::is_same_v<Body, core::Refused>) {
          encode_refused(request, body, output);
        } else if constexpr (std::is_same_v<Body, core::Granted>) {
          encode_granted(request, body, output);
        } else if constexpr (!std::is_same_v<Body, core::SessionOpened>) {
          append_message(request, field_of(body), output,
                         [&](FieldWriter& writer) { write_body(body, writer); });
        }
      },
      reply.body);
}

}  // namespace pawl::net
