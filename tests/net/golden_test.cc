// The broker's own reading and writing against the golden bytes. What generated code makes of them
// is in tests/proto/golden_test.cc.

#include "tests/proto/golden.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "broker/core/list_cursor.h"
#include "broker/net/encode.h"
#include "broker/net/request.h"
#include "tests/net/values.h"

namespace pawl::net {
namespace {

using core::Errc;

constexpr core::Token kToken{1'099'511'627'777};
constexpr core::SessionId kSession{0x1011121314151617, 0x18191a1b1c1d1e1f};

core::Timestamp at(std::uint64_t after_ms) {
  return core::timestamp_from_ms(kMailTime + after_ms);
}

// The golden request, opened; its id is the number of its example.
struct Golden {
  explicit Golden(const std::string& name)
      : body(golden_body("request_" + name)), request(open_request(body, check)) {
    REQUIRE(check.ok());
  }
  std::string_view message() const { return request.message; }

  std::string body;
  FieldCheck check;
  Request request;
};

core::IndexSet indexes(std::initializer_list<core::JobIndex> list) {
  core::IndexSet set;
  for (const core::JobIndex index : list) set.insert(index);
  return set;
}

TEST_CASE("golden hellos", "[net][golden]") {
  Golden plain("hello");
  const Hello hello = decode_hello(plain.message(), plain.check);
  CHECK(plain.request.id == 1);
  CHECK(plain.request.operation == Operation::hello);
  CHECK(hello.client_name == "golden");
  CHECK(hello.client_version == "1.0");
  CHECK_FALSE(hello.is_worker);

  Golden worker("hello_worker");
  const core::OpenSession session = decode_hello(worker.message(), worker.check).session;
  REQUIRE(worker.check.ok());
  CHECK(session.worker_id == "w-1");
  CHECK(session.host == "host.example");
  CHECK(session.resume == kSession);
  REQUIRE(session.held.size() == 1);
  CHECK(session.held[0].token == kToken);
  CHECK(session.held[0].batch == kMail);
  CHECK(session.held[0].jobs == core::IndexSet::range(0, 3));
}

TEST_CASE("golden enqueue", "[net][golden]") {
  Golden golden("enqueue");
  const core::Enqueue enqueue = decode_enqueue(golden.message(), {}, golden.check);
  REQUIRE(golden.check.ok());
  CHECK(enqueue.batch == kMail);
  CHECK(enqueue.queue == "mail");
  CHECK(enqueue.job_count == 2);
  CHECK(golden.body.find(enqueue.defaults.view()) != std::string::npos);
  REQUIRE(enqueue.groups.size() == 2);
  CHECK(enqueue.groups[0].options.max_attempts == 5);
  CHECK(enqueue.groups[0].options.backoff == core::Milliseconds(2000));
  CHECK(enqueue.groups[1].priority == 9);
  CHECK(enqueue.groups[1].key == "b");
}

TEST_CASE("golden enqueue per job", "[net][golden]") {
  Golden golden("enqueue_per_job");
  const core::Enqueue enqueue = decode_enqueue(golden.message(), {}, golden.check);
  REQUIRE(golden.check.ok());
  REQUIRE(enqueue.groups.size() == 2);
  CHECK(enqueue.groups[0].due.kind == core::Due::Kind::delay);
  CHECK(enqueue.groups[0].due.delay == core::Milliseconds(60'000));
  CHECK(enqueue.groups[0].options.run_time_limit == core::Milliseconds(5000));
  CHECK(enqueue.groups[0].options.retention == core::Milliseconds(0));
  CHECK(enqueue.groups[1].due.kind == core::Due::Kind::run_at);
  CHECK(core::to_ms(enqueue.groups[1].due.run_at) == kMailTime + 3'600'000);
  REQUIRE(enqueue.refused.size() == 1);
  CHECK(enqueue.refused[0].message == "type may have only A-Z a-z 0-9 _ . : -");
}

TEST_CASE("golden fetch", "[net][golden]") {
  Golden golden("fetch");
  const core::Fetch fetch = decode_fetch(golden.message(), golden.check);
  REQUIRE(golden.check.ok());
  CHECK(fetch.ns == "default");
  CHECK(fetch.queues == std::vector<std::string>{"urgent", "mail"});
  CHECK(fetch.types == std::vector<std::string>{"email.send"});
  CHECK(fetch.credits == 16);
  CHECK(fetch.max_wait == core::Milliseconds(30'000));
}

TEST_CASE("golden report", "[net][golden]") {
  Golden golden("report");
  const core::Report report = decode_report(golden.message(), golden.check);
  REQUIRE(golden.check.ok());
  REQUIRE(report.outcomes.size() == 4);
  CHECK(report.outcomes[0].token == kToken);
  CHECK(report.outcomes[0].jobs == core::IndexSet::range(0, 2));
  CHECK(report.outcomes[0].result.view() == "sent");
  CHECK(report.outcomes[0].content_type == "text/plain");
  CHECK(report.outcomes[1].kind == core::Outcome::Kind::fail);
  CHECK(report.outcomes[1].failure.error_class == "SmtpError");
  CHECK(report.outcomes[1].failure.detail == "at send()");
  CHECK(report.outcomes[2].kind == core::Outcome::Kind::release);
  CHECK(report.outcomes[3].kind == core::Outcome::Kind::extend);
  CHECK(report.outcomes[3].jobs == indexes({4, 300}));
}

TEST_CASE("indexes may come packed or one by one", "[net][golden]") {
  std::string message;
  wire::FieldWriter writer(message);
  const std::size_t begun = writer.begin(1);
  writer.fixed64(1, 1);
  writer.element(2, bytes_of(kMail));
  writer.number(3, 7);
  writer.number(3, 2);
  writer.element(3, std::string("\x08\x01\x02", 3));
  writer.number(4, 1);
  writer.end(begun);
  FieldCheck check;
  const core::Report report = decode_report(message, check);
  REQUIRE(check.ok());
  CHECK(report.outcomes[0].jobs == indexes({1, 2, 7, 8}));
}

TEST_CASE("golden questions", "[net][golden]") {
  Golden get("get_jobs");
  const core::GetJobs get_jobs = decode_get_jobs(get.message(), get.check);
  CHECK(get_jobs.ids == std::vector<core::JobId>{kMail, kMail.job(7)});
  CHECK(get_jobs.payloads == core::GetJobs::Payloads::with);

  Golden wait("wait_job");
  const core::WaitJob wait_job = decode_wait_job(wait.message(), wait.check);
  CHECK(wait_job.id == kMail.job(7));
  CHECK(wait_job.max_wait == core::Milliseconds(60'000));

  Golden list("list_jobs");
  const core::ListJobs list_jobs = decode_list_jobs(list.message(), list.check);
  CHECK(list_jobs.state == core::JobState::failed);
  CHECK(list_jobs.type == "email.send");
  CHECK(list_jobs.limit == 50);
  const auto cursor = core::ListCursor::decode(list_jobs.cursor);
  REQUIRE(cursor);
  CHECK(cursor->queue == 1);
  CHECK(cursor->state == core::JobState::failed);
  CHECK(cursor->type == 2);

  Golden stats("queue_stats");
  CHECK(decode_queue_stats(stats.message(), stats.check).queues ==
        std::vector<std::string>{"mail", "urgent"});

  Golden cancel("cancel_jobs");
  CHECK(decode_cancel_jobs(cancel.message(), cancel.check).ids ==
        std::vector<core::JobId>{kMail.job(7)});

  for (const Golden* golden : {&get, &wait, &list, &stats, &cancel}) CHECK(golden->check.ok());
  CHECK(Golden("ping").request.operation == Operation::ping);
  CHECK(Golden("heartbeat").request.operation == Operation::heartbeat);
  CHECK(Golden("end_fetch").request.operation == Operation::end_fetch);
}

std::string written(Output& output) {
  std::string bytes;
  while (!output.empty()) {
    std::size_t size = 0;
    for (const auto& buffer : output.front()) {
      bytes.append(static_cast<const char*>(buffer.data()), buffer.size());
      size += buffer.size();
    }
    output.consume(size);
  }
  return bytes;
}

template <class Body>
std::string encoded(std::uint64_t request, Body body) {
  core::Reply reply;
  reply.ticket = {1, request};
  reply.body = std::move(body);
  Output output;
  encode_reply(reply, output);
  return written(output);
}

Greeting greeting() {
  return {"1.0.0", 4 << 20, 1 << 20, core::Milliseconds(10'000), core::Milliseconds(30'000),
          256,     8 << 20};
}

TEST_CASE("golden greetings", "[net][golden]") {
  Output output;
  encode_hello(1, greeting(), at(0), nullptr, output);
  CHECK(written(output) == golden_frame("reply_hello"));

  core::SessionOpened opened;
  opened.session = kSession;
  opened.lost.push_back({kToken, kMail, indexes({1, 200})});
  encode_hello(1, greeting(), at(0), &opened, output);
  CHECK(written(output) == golden_frame("reply_hello_worker"));

  encode_ping(2, greeting(), at(0), core::Milliseconds(5000), output);
  CHECK(written(output) == golden_frame("reply_ping"));
  encode_stop("the broker stops", output);
  CHECK(written(output) == golden_frame("reply_stop"));
}

TEST_CASE("golden verdicts", "[net][golden]") {
  using core::Milliseconds;
  CHECK(encoded(3, core::Refused{Errc::overloaded, "the broker is busy", Milliseconds(100)}) ==
        golden_frame("reply_error"));
  CHECK(encoded(3, core::Accepted{}) == golden_frame("reply_enqueue"));
  core::Accepted accepted;
  accepted.refused.push_back({2, Errc::invalid_argument, "type may have only A-Z a-z 0-9 _ . : -"});
  accepted.level = core::Durability::written;
  accepted.duplicate = true;
  CHECK(encoded(4, accepted) == golden_frame("reply_enqueue_per_job"));
  CHECK(encoded(6, core::Reported{{{1, 2, Errc::lease_lost}}}) == golden_frame("reply_report"));
  CHECK(encoded(7, core::Beaten{at(0)}) == golden_frame("reply_heartbeat"));
  CHECK(encoded(9, core::FetchEnded{}) == golden_frame("reply_end_fetch"));
  core::CancelVerdicts verdicts;
  verdicts.jobs = {{Errc::ok, core::JobState::cancelled}, {Errc::not_found, core::JobState::none}};
  CHECK(encoded(12, verdicts) == golden_frame("reply_cancel_jobs"));
  CHECK(encoded(0, core::CancelRunning{kToken, kMail.job(7)}) == golden_frame("reply_cancelled"));
  CHECK(encoded(0, core::Stopping{}) == golden_frame("reply_stop"));
}

// The kept bytes of the golden enqueue.
core::Enqueue golden_enqueue() {
  Golden golden("enqueue");
  return decode_enqueue(golden.message(), {}, golden.check);
}

TEST_CASE("golden grants carry the enqueued bytes", "[net][golden]") {
  CHECK(encoded(5, core::Granted{}) == golden_frame("reply_fetch_empty"));

  const core::Enqueue sent = golden_enqueue();
  core::Granted granted;
  granted.token = kToken;
  granted.deliveries.resize(2);
  core::Delivery& first = granted.deliveries[0];
  first.batch = kMail;
  first.queue = std::make_shared<const std::string>("mail");
  first.accepted_at = at(0);
  first.jobs = core::IndexSet::range(0, 2);
  first.defaults = sent.defaults;
  first.records = {sent.jobs};
  core::Delivery& second = granted.deliveries[1];
  second.batch = {kMail.high, 2ULL << 62 | 0x2ffffffffffffULL << 12};
  second.queue = first.queue;
  second.accepted_at = at(0);
  second.jobs = core::IndexSet::range(127, 129);
  second.attempts = {1, 300};
  for (const char* payload : {"x", "y"}) {
    pb::Enqueue one;
    one.add_jobs()->set_type("email.send");
    one.mutable_jobs(0)->set_payload(payload);
    second.records.push_back(core::Blob::copy_of(one.SerializeAsString()));
  }
  CHECK(encoded(5, granted) == golden_frame("reply_fetch"));
}

TEST_CASE("large records are referred to, not copied", "[net][golden]") {
  const core::Blob record = core::Blob::copy_of(std::string(100'000, 'r'));
  Output output;
  output.text() = "before";
  output.append(record);
  output.text() = "after";
  CHECK(output.bytes() == 6 + 100'000 + 5);
  REQUIRE(output.front().size() == 3);
  CHECK(output.front()[1].data() == record.view().data());
  output.consume(100);
  CHECK(output.front()[0].data() == record.view().data() + 94);
  output.consume(99'906);
  CHECK(output.bytes() == 5);
  output.consume(5);
  CHECK(output.empty());
}

core::JobView golden_job() {
  core::JobView job;
  job.id = kMail.job(7);
  job.state = core::JobState::completed;
  job.ns = "default";
  job.queue = "mail";
  job.type = "email.send";
  job.priority = 9;
  job.key = "b";
  job.attempt = 2;
  job.max_attempts = 5;
  job.accepted_at = at(0);
  job.started_at = at(3000);
  job.finished_at = at(3012);
  job.worker_id = "w-1";
  job.host = "host.example";
  job.result = core::Blob::copy_of("sent");
  job.result_type = "text/plain";
  core::Failure failure{"SmtpError", "no route", "", core::Failure::Cause::crash};
  job.failure = std::make_shared<const core::Failure>(failure);
  job.attempts = {
      {1, at(1), at(2), "w-1", "host.example", core::AttemptView::End::failure, job.failure},
      {2, at(3000), at(3012), "w-1", "host.example", core::AttemptView::End::done, nullptr}};
  job.kept_until = at(86'400'000);
  return job;
}

TEST_CASE("golden jobs", "[net][golden]") {
  CHECK(encoded(9, core::Waited{golden_job()}) == golden_frame("reply_wait_job"));

  const core::Enqueue sent = golden_enqueue();
  core::JobViews views;
  views.jobs = {golden_job(), {}};
  views.jobs[0].defaults = sent.defaults;
  wire::FieldReader records(sent.jobs.view());
  wire::Field record;
  while (records.next(record)) views.jobs[0].record = core::Blob::copy_of(record.raw);  // The last.
  views.jobs[1].id = kMail;
  views.jobs[1].code = Errc::not_found;
  CHECK(encoded(8, views) == golden_frame("reply_get_jobs"));

  core::Listed listed;
  core::JobView& job = listed.jobs.emplace_back();
  job.id = kMail.job(7);
  job.state = core::JobState::scheduled;
  job.ns = "default";
  job.queue = "mail";
  job.type = "email.send";
  job.priority = 5;
  job.max_attempts = 20;
  job.accepted_at = at(0);
  job.due_at_ms = kMailTime + 60'000;
  job.cancel_requested = true;
  listed.next_cursor = "\x03\x04";
  CHECK(encoded(10, listed) == golden_frame("reply_list_jobs"));
}

TEST_CASE("golden counts", "[net][golden]") {
  core::Counted counted;
  counted.queues = {{"mail", 1, 2, 3, 4, 5, 6, 7, core::Milliseconds(8), 9}, {"urgent"}};
  CHECK(encoded(11, counted) == golden_frame("reply_queue_stats"));
}

}  // namespace
}  // namespace pawl::net
