#include <string>
#include <string_view>
#include <vector>

#include "broker/core/keys.h"
#include "broker/core/list_cursor.h"
#include "tests/net/bad_input.h"

namespace pawl::net {
namespace {

std::string list_request(pb::State state, const std::string& cursor) {
  return request([&](pb::Request& r) {
    r.mutable_list_jobs()->set_queue("q");
    r.mutable_list_jobs()->set_state(state);
    r.mutable_list_jobs()->set_limit(UINT32_MAX);
    r.mutable_list_jobs()->set_cursor(cursor);
  });
}

std::string processing_cursor(core::QueueNumber queue) {
  return core::ListCursor{
      .queue = queue, .state = core::JobState::processing, .place = core::keys::job(kMail)}
      .encode();
}

std::vector<Row> message_rows() {
  using Request = pb::Request;
  return {
      {"bytes that are no message", Who::client, framed(hex("0809ffff")), pb::INVALID_ARGUMENT,
       Then::stays},
      {"an operation cut short", Who::client, framed(hex("0809421010")), pb::INVALID_ARGUMENT,
       Then::stays},
      {"no operation", Who::client, framed(hex("0809")), pb::INVALID_ARGUMENT, Then::stays},
      {"two operations", Who::client, framed(hex("08091a003a00")), pb::INVALID_ARGUMENT,
       Then::stays},
      {"an operation of the future", Who::client, operation(500, ""), pb::UNSUPPORTED, Then::stays},
      {"no request id", Who::client, framed(hex("1a00")), pb::INVALID_ARGUMENT, Then::closes, 0},
      {"the id as text", Who::client, framed(hex("0a01391a00")), pb::INVALID_ARGUMENT, Then::closes,
       0},
      {"bytes of which not even an id can be read", Who::client, framed("\xff\xff\xff"),
       pb::INVALID_ARGUMENT, Then::closes, 0},
      {"4 KiB of unknown fields in a ping", Who::client, operation(3, unknown_bytes(4096)),
       pb::INVALID_ARGUMENT, Then::stays},
      {"4 KiB of unknown fields beside a ping", Who::client,
       framed(joined({hex("08091a00"), unknown_bytes(4096)})), pb::INVALID_ARGUMENT, Then::stays},
      {"4 KiB of unknown fields in a list", Who::client,
       operation(10, joined({hex("1201711803"), unknown_bytes(4096)})), pb::INVALID_ARGUMENT,
       Then::stays},
      {"4 KiB of unknown fields in an enqueue", Who::client,
       [] {
         pb::Enqueue enqueue = enqueue_for("mail");
         enqueue.add_jobs()->set_type("t");
         return operation(4, joined({enqueue.SerializeAsString(), unknown_bytes(4096)}));
       }(),
       pb::INVALID_ARGUMENT, Then::stays},
      {"payloads as 2", Who::client,
       operation(8, joined({hex("0a10"), bytes_of(kMail), hex("1002")})), pb::INVALID_ARGUMENT,
       Then::stays},
      {"a limit of -1", Who::client, operation(10, hex("120171180328ffffffffffffffffff01")),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a cursor over 1 KiB", Who::client, request([](Request& r) {
         r.mutable_list_jobs()->set_queue("q");
         r.mutable_list_jobs()->set_state(pb::PENDING);
         r.mutable_list_jobs()->set_cursor(std::string(1025, 'c'));
       }),
       pb::TOO_LARGE, Then::stays},
      {"1001 queues of stats", Who::client, request([](Request& r) {
         for (int i = 0; i < 1001; ++i) r.mutable_queue_stats()->add_queues("q");
       }),
       pb::TOO_LARGE, Then::stays},
      {"an operation with a wrong wire type", Who::client, framed(hex("08092001")),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a group", Who::client, framed(hex("08091a020b0c")), pb::INVALID_ARGUMENT, Then::stays},
      {"a varint of eleven bytes", Who::client, operation(9, hex("10ffffffffffffffffffff01")),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an overlong varint", Who::client, operation(9, hex("10800000")), pb::INVALID_ARGUMENT,
       Then::stays},
      {"a length beyond the end", Who::client, operation(9, hex("0aff")), pb::INVALID_ARGUMENT,
       Then::stays},
      {"deep nesting, which is an unknown field to us", Who::client, enqueue_with(nested(2000)),
       pb::INVALID_ARGUMENT, Then::stays},
      {"over 4 KiB of unknown fields", Who::client, enqueue_with(unknown_bytes(4096)),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a queue that is no UTF-8", Who::client, operation(10, hex("1201ff1803")),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an unknown state", Who::client, request([](Request& r) {
         r.mutable_list_jobs()->set_queue("q");
         r.mutable_list_jobs()->set_state(static_cast<pb::State>(77));
       }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"no state", Who::client, request([](Request& r) { r.mutable_list_jobs()->set_queue("q"); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a queue named ..", Who::client,
       request([](Request& r) { r.mutable_queue_stats()->add_queues("../.."); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a queue with CRLF", Who::client,
       request([](Request& r) { r.mutable_queue_stats()->add_queues("a\r\nb"); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a queue of 1 MB", Who::client,
       request([](Request& r) { r.mutable_queue_stats()->add_queues(std::string(1 << 20, 'q')); }),
       pb::TOO_LARGE, Then::stays},
      {"10,001 ids", Who::client, request([](Request& r) {
         for (int i = 0; i < 10'001; ++i) r.mutable_get_jobs()->add_ids(bytes_of(kMail));
       }),
       pb::TOO_LARGE, Then::stays},
      {"no ids", Who::client, request([](Request& r) { r.mutable_cancel_jobs(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an id of 15 bytes", Who::client,
       request([](Request& r) { r.mutable_get_jobs()->add_ids(std::string(15, 'x')); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an id that is no UUIDv7", Who::client,
       request([](Request& r) { r.mutable_wait_job()->set_id(std::string(16, 'x')); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a wait at its integer's limit", Who::client, request([](Request& r) {
         r.mutable_wait_job()->set_id(bytes_of(kMail));
         r.mutable_wait_job()->set_max_wait_ms(UINT32_MAX);
       }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a fetch without a session", Who::client, request([](Request& r) {
         r.mutable_fetch()->add_queues("q");
         r.mutable_fetch()->set_credits(1);
       }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a report without a session", Who::client, request([](Request& r) { r.mutable_report(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a heartbeat without a session", Who::client,
       request([](Request& r) { r.mutable_heartbeat(); }), pb::INVALID_ARGUMENT, Then::stays},
      {"an end of fetches without a session", Who::client,
       request([](Request& r) { r.mutable_end_fetch(); }), pb::INVALID_ARGUMENT, Then::stays},
  };
}

std::vector<Row> cursor_rows() {
  const std::string pending =
      core::ListCursor{
          .queue = 9, .state = core::JobState::pending, .place = std::string(4 + 18, '\0')}
          .encode();
  const auto indexed = [](core::QueueNumber queue, core::JobState state) {
    const std::string key =
        core::keys::listed({.queue = 9, .state = core::JobState::failed, .batch = kMail});
    return core::ListCursor{.queue = queue, .state = state, .place = std::string(4, '\0') + key}
        .encode();
  };
  const std::string failed = indexed(9, core::JobState::failed);
  const auto row = [](const char* what, pb::State state, const std::string& cursor) {
    return Row{what, Who::client, list_request(state, cursor), pb::INVALID_ARGUMENT, Then::stays};
  };
  return {
      row("a cursor that is none", pb::PENDING, "garbage"),
      row("a cursor of one byte", pb::FAILED, "x"),
      row("a cursor of another state's list", pb::SCHEDULED, failed),
      row("a pending list's cursor for the processing", pb::PROCESSING, pending),
      row("a processing list's cursor for the pending", pb::PENDING, processing_cursor(9)),
      row("a pending list's cursor cut short", pb::PENDING, pending.substr(0, pending.size() - 1)),
      row("a processing list's cursor with a byte more", pb::PROCESSING,
          processing_cursor(9) + "x"),
      row("a processing list's cursor whose id is none", pb::PROCESSING,
          processing_cursor(9).replace(9, 16, std::string(16, 'x'))),
      row("a failed list's cursor cut short", pb::FAILED, failed.substr(0, failed.size() - 1)),
      row("a cursor whose place lies in another queue", pb::FAILED,
          indexed(8, core::JobState::failed)),
      row("a cursor whose place lies in another state", pb::COMPLETED,
          indexed(9, core::JobState::completed)),
  };
}

std::vector<Row> enqueue_rows() {
  const auto enqueue = [](const auto& spoil) {
    return request([&](pb::Request& r) {
      *r.mutable_enqueue() = enqueue_for("mail");
      r.mutable_enqueue()->add_jobs()->set_type("t");
      spoil(*r.mutable_enqueue());
    });
  };
  const auto job = [&](const auto& spoil) {
    return enqueue([&](pb::Enqueue& e) { spoil(*e.mutable_jobs(0)); });
  };
  const auto header = [](std::string_view bytes) {
    std::string raw;
    wire::FieldWriter(raw).element(14, bytes);
    return enqueue_with(raw);
  };
  return {
      {"no batch id", Who::client, enqueue([](pb::Enqueue& e) { e.clear_batch_id(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"another queue's slot", Who::client, enqueue([](pb::Enqueue& e) { e.set_queue("other"); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"no jobs", Who::client, enqueue([](pb::Enqueue& e) { e.clear_jobs(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"1001 jobs", Who::client, enqueue([](pb::Enqueue& e) {
         for (int i = 0; i < 1000; ++i) e.add_jobs()->set_type("t");
       }),
       pb::TOO_LARGE, Then::stays},
      {"a payload over 1 MiB", Who::client,
       job([](pb::Job& j) { j.set_payload(std::string((1 << 20) + 1, 'p')); }), pb::TOO_LARGE,
       Then::stays},
      {"a priority of 10", Who::client, job([](pb::Job& j) { j.set_priority(10); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a delay at its integer's limit", Who::client,
       job([](pb::Job& j) { j.set_delay_ms(UINT64_MAX); }), pb::INVALID_ARGUMENT, Then::stays},
      {"a run-at at its integer's limit", Who::client,
       job([](pb::Job& j) { j.set_run_at_ms(UINT64_MAX); }), pb::INVALID_ARGUMENT, Then::stays},
      {"a type with a slash", Who::client, job([](pb::Job& j) { j.set_type("a/b"); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a key with a line feed", Who::client, job([](pb::Job& j) { j.set_key("a\nb"); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an option of the future", Who::client, job([](pb::Job& j) { j.set_start_by_ms(1); }),
       pb::UNSUPPORTED, Then::stays},
      {"a header's name that is no UTF-8", Who::client, header(hex("0a01ff")), pb::INVALID_ARGUMENT,
       Then::stays},
      {"a header's name with a line feed", Who::client, header(hex("0a03610a62")),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a header's value that is no UTF-8", Who::client, header(hex("0a01611201ff")),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a header's value with CRLF", Who::client, header(hex("0a016112040d0a6162")),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a header's value with a control character beyond ASCII", Who::client,
       header(hex("0a01611202c285")), pb::INVALID_ARGUMENT, Then::stays},
  };
}

TEST_CASE("bad requests are answered and the connection stays", "[net][bad_input]") {
  check_all(message_rows());
}
TEST_CASE("a cursor that is none of the list asked for is answered", "[net][bad_input]") {
  check_all(cursor_rows());
}
TEST_CASE("bad jobs are answered and nothing of them is kept", "[net][bad_input]") {
  check_all(enqueue_rows());
}

TEST_CASE("a page over 1000 jobs is cut to 1000, a list's cursor goes to the engine as it is",
          "[net][bad_input]") {
  TestServer broker;
  TestClient client = broker.greeted();
  const std::string cursor = processing_cursor(9);
  client.send(list_request(pb::PROCESSING, cursor));
  const auto list = broker.sink.take_as<core::ListJobs>();
  CHECK(list.limit == 1000);
  CHECK(list.cursor == cursor);
}

}  // namespace
}  // namespace pawl::net
