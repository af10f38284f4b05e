#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "broker/net/request.h"
#include "tests/net/values.h"

namespace pawl::net {
namespace {

using core::Errc;
namespace limits = core::limits;

struct Decoded {
  core::Enqueue enqueue;
  Fault fault;
};

Decoded decode(const std::string& message, JobBounds bounds = {}) {
  FieldCheck check;
  Decoded decoded;
  decoded.enqueue = decode_enqueue(message, bounds, check);
  decoded.fault = check.fault();
  return decoded;
}
Decoded decode(const pb::Enqueue& enqueue) {
  return decode(enqueue.SerializeAsString());
}

// The entries of field 15 as a client would write them.
std::string entries(const pb::Enqueue& enqueue) {
  pb::Enqueue only;
  *only.mutable_jobs() = enqueue.jobs();
  return only.SerializeAsString();
}

pb::Enqueue two_mails() {
  pb::Enqueue enqueue = enqueue_for("mail");
  enqueue.mutable_defaults()->set_type("email.send");
  enqueue.add_jobs()->set_payload("first");
  enqueue.add_jobs()->set_payload("second");
  return enqueue;
}

TEST_CASE("jobs that agree are one group and keep their bytes", "[net][enqueue]") {
  const pb::Enqueue sent = two_mails();
  const auto [enqueue, fault] = decode(sent);
  REQUIRE(fault.code == Errc::ok);
  CHECK(enqueue.ns == "default");
  CHECK(enqueue.queue == "mail");
  CHECK(enqueue.job_count == 2);
  CHECK(enqueue.defaults.view() == sent.defaults().SerializeAsString());
  CHECK(enqueue.jobs.view() == entries(sent));
  REQUIRE(enqueue.groups.size() == 1);
  CHECK(enqueue.groups[0].type == "email.send");
  CHECK(enqueue.groups[0].priority == 5);
  CHECK(enqueue.groups[0].jobs == core::IndexSet::range(0, 2));
}

TEST_CASE("a job's scalars win over the defaults, its lists add to them", "[net][enqueue]") {
  pb::Enqueue sent = two_mails();
  sent.mutable_defaults()->set_priority(3);
  sent.mutable_defaults()->mutable_retry()->set_max_attempts(7);
  sent.mutable_defaults()->mutable_retry()->set_backoff_ms(500);
  sent.mutable_jobs(1)->set_type("email.bulk");
  sent.mutable_jobs(1)->set_priority(0);
  sent.mutable_jobs(1)->mutable_retry()->set_backoff_ms(900);
  sent.mutable_jobs(1)->set_retention_ms(0);
  const auto [enqueue, fault] = decode(sent);
  REQUIRE(fault.code == Errc::ok);
  REQUIRE(enqueue.groups.size() == 2);
  CHECK(enqueue.groups[0].priority == 3);
  CHECK_FALSE(enqueue.groups[0].options.retention);
  CHECK(enqueue.groups[1].type == "email.bulk");
  CHECK(enqueue.groups[1].priority == 0);
  CHECK(enqueue.groups[1].options.max_attempts == 7);
  CHECK(enqueue.groups[1].options.backoff == core::Milliseconds(900));
  CHECK(enqueue.groups[1].options.retention == core::Milliseconds(0));
}

TEST_CASE("headers and tags are counted over defaults and job", "[net][enqueue]") {
  pb::Enqueue sent = two_mails();
  for (int i = 0; i < 10; ++i) sent.mutable_defaults()->add_tags("t");
  for (int i = 0; i < 6; ++i) sent.mutable_jobs(0)->add_tags("t");
  CHECK(decode(sent).fault.code == Errc::ok);
  sent.mutable_jobs(0)->add_tags("t");
  CHECK(decode(sent).fault.code == Errc::invalid_argument);
}

TEST_CASE("jobs that take turns end up in one group each", "[net][enqueue]") {
  pb::Enqueue sent = enqueue_for("mail");
  for (int i = 0; i < 900; ++i) {
    pb::Job& job = *sent.add_jobs();
    job.set_type("t");
    job.set_key(std::to_string(i % 300));
  }
  const auto [enqueue, fault] = decode(sent);
  REQUIRE(fault.code == Errc::ok);
  REQUIRE(enqueue.groups.size() == 300);
  for (std::size_t i = 0; i < 300; ++i) {
    REQUIRE(enqueue.groups[i].key == std::to_string(i));
    REQUIRE(enqueue.groups[i].jobs.count() == 3);
    REQUIRE(enqueue.groups[i].jobs.contains(static_cast<core::JobIndex>(i + 600)));
  }
}

TEST_CASE("what tells two runs apart makes two groups", "[net][enqueue]") {
  const std::vector<void (*)(pb::Job&)> changes = {
      [](pb::Job& job) { job.set_type("other"); },
      [](pb::Job& job) { job.set_priority(6); },
      [](pb::Job& job) { job.set_key("k"); },
      [](pb::Job& job) { job.set_delay_ms(1); },
      [](pb::Job& job) { job.set_run_at_ms(1); },
      [](pb::Job& job) { job.set_run_time_limit_ms(1); },
      [](pb::Job& job) { job.set_retention_ms(1); },
      [](pb::Job& job) { job.mutable_retry()->set_max_attempts(1); },
      [](pb::Job& job) { job.mutable_retry()->set_backoff_ms(1); },
      [](pb::Job& job) { job.mutable_retry()->set_backoff_max_ms(1); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    INFO(i);
    pb::Enqueue sent = two_mails();
    changes[i](*sent.mutable_jobs(1));
    const auto [enqueue, fault] = decode(sent);
    CHECK(fault.code == Errc::ok);
    CHECK(enqueue.groups.size() == 2);
  }
  pb::Enqueue sent = two_mails();
  sent.mutable_jobs(1)->set_content_type("text/plain");  // The broker only carries it.
  CHECK(decode(sent).enqueue.groups.size() == 1);
}

TEST_CASE("the order of an enqueue's fields changes nothing that is kept", "[net][enqueue]") {
  const pb::Enqueue sent = two_mails();
  const auto expected = decode(sent).enqueue;

  std::string shuffled;  // One job, the defaults in two pieces, the rest, the other job.
  wire::FieldWriter writer(shuffled);
  writer.element(15, sent.jobs(0).SerializeAsString());
  writer.element(5, sent.defaults().SerializeAsString());
  writer.bytes(3, "mail");
  writer.element(99, "unknown");
  writer.element(5, "");
  writer.bytes(1, sent.batch_id());
  writer.element(15, sent.jobs(1).SerializeAsString());
  const auto [enqueue, fault] = decode(shuffled);
  REQUIRE(fault.code == Errc::ok);
  CHECK(enqueue.defaults.view() == expected.defaults.view());
  CHECK(enqueue.jobs.view() == expected.jobs.view());
  CHECK(enqueue.hash == expected.hash);
  CHECK(enqueue.groups.size() == 1);
}

TEST_CASE("whatever is kept goes into the hash", "[net][enqueue]") {
  const std::uint64_t hash = decode(two_mails()).enqueue.hash;
  CHECK(decode(two_mails()).enqueue.hash == hash);
  const std::vector<void (*)(pb::Enqueue&)> changes = {
      [](pb::Enqueue& e) { e.mutable_jobs(0)->set_payload("other"); },
      [](pb::Enqueue& e) { e.mutable_defaults()->set_schema_version(1); },
      [](pb::Enqueue& e) { e.set_mode(pb::Enqueue::PER_JOB); },
      [](pb::Enqueue& e) { e.add_jobs(); },
      [](pb::Enqueue& e) {
        e.set_namespace_("tenant");
        e.set_batch_id(bytes_of(batch_for("tenant", "mail")));
      },
      [](pb::Enqueue& e) {
        e.set_queue("other");
        e.set_batch_id(bytes_of(batch_for("", "other")));
      },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    INFO(i);
    pb::Enqueue sent = two_mails();
    changes[i](sent);
    const auto [enqueue, fault] = decode(sent);
    REQUIRE(fault.code == Errc::ok);
    CHECK(enqueue.hash != hash);
  }
}

TEST_CASE("unknown fields of a job are kept, up to 4 KiB", "[net][enqueue]") {
  pb::Enqueue sent = two_mails();
  std::string job = sent.jobs(0).SerializeAsString();
  wire::FieldWriter(job).element(200, std::string(4000, 'u'));
  std::string message = two_mails().SerializeAsString();
  wire::FieldWriter(message).element(15, job);
  const auto [enqueue, fault] = decode(message);
  REQUIRE(fault.code == Errc::ok);
  CHECK(enqueue.jobs.view().find(std::string(4000, 'u')) != std::string_view::npos);

  wire::FieldWriter(job).element(201, std::string(100, 'v'));
  wire::FieldWriter(message).element(15, job);
  CHECK(decode(message).fault.code == Errc::invalid_argument);
  CHECK(decode(message).fault.message == "jobs[3]: over 4096 bytes of unknown fields");
}

TEST_CASE("one bad job refuses the batch, with its index", "[net][enqueue]") {
  pb::Enqueue sent = two_mails();
  sent.mutable_jobs(1)->set_priority(10);
  const auto [enqueue, fault] = decode(sent);
  CHECK(fault.code == Errc::invalid_argument);
  CHECK(fault.message == "jobs[1]: priority is over 9");
}

TEST_CASE("per job, the good ones are taken and the bad ones named", "[net][enqueue]") {
  pb::Enqueue sent = two_mails();
  sent.set_mode(pb::Enqueue::PER_JOB);
  sent.mutable_jobs(0)->set_type("not allowed");
  sent.add_jobs();
  sent.add_jobs()->mutable_unique()->set_key("k");
  const auto [enqueue, fault] = decode(sent);
  REQUIRE(fault.code == Errc::ok);
  CHECK(enqueue.job_count == 4);
  REQUIRE(enqueue.groups.size() == 1);
  core::IndexSet taken = core::IndexSet::range(1, 3);
  CHECK(enqueue.groups[0].jobs == taken);
  REQUIRE(enqueue.refused.size() == 2);
  CHECK(enqueue.refused[0].index == 0);
  CHECK(enqueue.refused[0].code == Errc::invalid_argument);
  CHECK(enqueue.refused[1].index == 3);
  CHECK(enqueue.refused[1].code == Errc::unsupported);
  CHECK(enqueue.refused[1].message == "unique is not supported by this broker");
}

TEST_CASE("bad defaults refuse the batch even per job", "[net][enqueue]") {
  pb::Enqueue sent = two_mails();
  sent.set_mode(pb::Enqueue::PER_JOB);
  sent.mutable_defaults()->set_key("a\nb");
  CHECK(decode(sent).fault.message == "defaults: key has control characters");
}

TEST_CASE("the payload's bound is the operator's", "[net][enqueue]") {
  pb::Enqueue sent = two_mails();
  sent.mutable_jobs(0)->set_payload(std::string(2000, 'p'));
  const std::string message = sent.SerializeAsString();
  CHECK(decode(message, {.payload_bytes_max = 2000}).fault.code == Errc::ok);
  CHECK(decode(message, {.payload_bytes_max = 1999}).fault.code == Errc::too_large);
}

TEST_CASE("a job with its defaults fits into a reply, however often its fields are repeated",
          "[net][enqueue]") {
  pb::Enqueue sent = two_mails();
  sent.set_mode(pb::Enqueue::PER_JOB);
  std::string message = sent.SerializeAsString();
  pb::Enqueue more;
  for (int i = 0; i < 3; ++i) {  // A parser keeps the last of them; the broker keeps all bytes.
    more.mutable_defaults()->set_payload(std::string(800'000, 'p'));
    message += more.SerializeAsString();
  }
  const auto fits = decode(message);
  CHECK(fits.fault.code == Errc::ok);
  CHECK(fits.enqueue.refused.empty());

  more.Clear();
  more.add_jobs()->set_payload(std::string(800'000, 'q'));
  const auto one_too_large = decode(message + more.SerializeAsString());
  CHECK(one_too_large.fault.code == Errc::ok);
  REQUIRE(one_too_large.enqueue.refused.size() == 1);
  CHECK(one_too_large.enqueue.refused[0].index == 2);
  CHECK(one_too_large.enqueue.refused[0].code == Errc::too_large);
}

struct Row {
  const char* what;
  void (*spoil)(pb::Enqueue&);
  Errc code;
};

// One bad thing each; the rest of the enqueue is good.
const Row kRows[] = {
    {"no batch id", [](pb::Enqueue& e) { e.clear_batch_id(); }, Errc::invalid_argument},
    {"short batch id", [](pb::Enqueue& e) { e.set_batch_id("short"); }, Errc::invalid_argument},
    {"not UUIDv7", [](pb::Enqueue& e) { e.set_batch_id(std::string(16, '\x11')); },
     Errc::invalid_argument},
    {"an index in the batch id",
     [](pb::Enqueue& e) { e.set_batch_id(bytes_of(batch_for("", "mail").job(1))); },
     Errc::invalid_argument},
    {"another queue's slot",
     [](pb::Enqueue& e) { e.set_batch_id(bytes_of(batch_for("", "other"))); },
     Errc::invalid_argument},
    {"no queue", [](pb::Enqueue& e) { e.clear_queue(); }, Errc::invalid_argument},
    {"queue with a path", [](pb::Enqueue& e) { e.set_queue("../x"); }, Errc::invalid_argument},
    {"queue with CRLF", [](pb::Enqueue& e) { e.set_queue("a\r\nb"); }, Errc::invalid_argument},
    {"queue of 129 bytes", [](pb::Enqueue& e) { e.set_queue(std::string(129, 'q')); },
     Errc::too_large},
    {"namespace with a space", [](pb::Enqueue& e) { e.set_namespace_("a b"); },
     Errc::invalid_argument},
    {"unknown mode", [](pb::Enqueue& e) { e.set_mode(static_cast<pb::Enqueue::Mode>(2)); },
     Errc::invalid_argument},
    {"no jobs", [](pb::Enqueue& e) { e.clear_jobs(); }, Errc::invalid_argument},
    {"1001 jobs",
     [](pb::Enqueue& e) {
       while (e.jobs_size() < 1001) e.add_jobs();
     },
     Errc::too_large},
    {"no type", [](pb::Enqueue& e) { e.clear_defaults(); }, Errc::invalid_argument},
    {"priority 10", [](pb::Enqueue& e) { e.mutable_jobs(0)->set_priority(10); },
     Errc::invalid_argument},
    {"priority at its integer's limit",
     [](pb::Enqueue& e) { e.mutable_jobs(0)->set_priority(UINT32_MAX); }, Errc::invalid_argument},
    {"delay beyond ten years",
     [](pb::Enqueue& e) { e.mutable_jobs(0)->set_delay_ms(315'360'000'001); },
     Errc::invalid_argument},
    {"delay at its integer's limit",
     [](pb::Enqueue& e) { e.mutable_jobs(0)->set_delay_ms(UINT64_MAX); }, Errc::invalid_argument},
    {"run-at at its integer's limit",
     [](pb::Enqueue& e) { e.mutable_jobs(0)->set_run_at_ms(UINT64_MAX); }, Errc::invalid_argument},
    {"delay and run-at",
     [](pb::Enqueue& e) {
       e.mutable_defaults()->set_delay_ms(1);
       e.mutable_jobs(0)->set_run_at_ms(1);
     },
     Errc::invalid_argument},
    {"retention beyond ten years",
     [](pb::Enqueue& e) { e.mutable_jobs(0)->set_retention_ms(UINT64_MAX); },
     Errc::invalid_argument},
    {"1001 attempts",
     [](pb::Enqueue& e) { e.mutable_jobs(0)->mutable_retry()->set_max_attempts(1001); },
     Errc::invalid_argument},
    {"backoff at its integer's limit",
     [](pb::Enqueue& e) { e.mutable_jobs(0)->mutable_retry()->set_backoff_ms(UINT64_MAX); },
     Errc::invalid_argument},
    {"run-time limit at its integer's limit",
     [](pb::Enqueue& e) { e.mutable_jobs(0)->set_run_time_limit_ms(UINT64_MAX); },
     Errc::invalid_argument},
    {"payload over 1 MiB",
     [](pb::Enqueue& e) { e.mutable_jobs(0)->set_payload(std::string((1 << 20) + 1, 'p')); },
     Errc::too_large},
    {"content type with a line feed",
     [](pb::Enqueue& e) { e.mutable_jobs(0)->set_content_type("a\nb"); }, Errc::invalid_argument},
    {"key of 129 bytes", [](pb::Enqueue& e) { e.mutable_jobs(0)->set_key(std::string(129, 'k')); },
     Errc::too_large},
    {"tag with a space", [](pb::Enqueue& e) { e.mutable_jobs(0)->add_tags("a b"); },
     Errc::invalid_argument},
    {"17 tags",
     [](pb::Enqueue& e) {
       for (int i = 0; i < 17; ++i) e.mutable_jobs(0)->add_tags("t");
     },
     Errc::invalid_argument},
    {"33 headers",
     [](pb::Enqueue& e) {
       for (int i = 0; i < 33; ++i) e.mutable_jobs(0)->add_headers()->set_name("h");
     },
     Errc::invalid_argument},
    {"header without a name",
     [](pb::Enqueue& e) { e.mutable_jobs(0)->add_headers()->set_value("v"); },
     Errc::invalid_argument},
    {"header over 1 KiB",
     [](pb::Enqueue& e) {
       pb::Header& header = *e.mutable_jobs(0)->add_headers();
       header.set_name("name");
       header.set_value(std::string(1021, 'v'));
     },
     Errc::too_large},
    {"header that injects a line",
     [](pb::Enqueue& e) {
       pb::Header& header = *e.mutable_jobs(0)->add_headers();
       header.set_name("name");
       header.set_value("v\r\nx: y");
     },
     Errc::invalid_argument},
    {"start-by", [](pb::Enqueue& e) { e.mutable_jobs(0)->set_start_by_ms(1); }, Errc::unsupported},
    {"unique", [](pb::Enqueue& e) { e.mutable_jobs(0)->mutable_unique(); }, Errc::unsupported},
    {"depends-on", [](pb::Enqueue& e) { e.mutable_jobs(0)->add_depends_on("x"); },
     Errc::unsupported},
};

TEST_CASE("each bad thing in an enqueue is refused by its code", "[net][enqueue]") {
  for (const Row& row : kRows) {
    INFO(row.what);
    pb::Enqueue sent = two_mails();
    REQUIRE(decode(sent).fault.code == Errc::ok);
    row.spoil(sent);
    const Fault fault = decode(sent).fault;
    CHECK(fault.code == row.code);
    CHECK_FALSE(fault.message.empty());
  }
}

TEST_CASE("an enqueue cut anywhere is refused or whole", "[net][enqueue]") {
  pb::Enqueue sent = two_mails();
  sent.mutable_jobs(0)->add_headers()->set_name("h");
  sent.mutable_jobs(0)->mutable_retry()->set_max_attempts(3);
  const std::string message = sent.SerializeAsString();
  for (std::size_t size = 0; size < message.size(); ++size) {
    const auto [enqueue, fault] = decode(message.substr(0, size));
    if (fault.code == Errc::ok) CHECK(enqueue.job_count == 1);
  }
}

TEST_CASE("bytes that are not UTF-8 are refused in every string", "[net][enqueue]") {
  for (const std::uint32_t number : {4U, 6U}) {
    std::string job;
    wire::FieldWriter(job).bytes(number, "\xff");
    std::string message = two_mails().SerializeAsString();
    wire::FieldWriter(message).element(15, job);
    CHECK(decode(message).fault.code == Errc::invalid_argument);
  }
}

TEST_CASE("a known field of another wire type is refused", "[net][enqueue]") {
  for (std::uint32_t number = 1; number <= 16; ++number) {
    INFO(number);
    std::string job;
    wire::FieldWriter(job).fixed64(number, 1);
    std::string message = two_mails().SerializeAsString();
    wire::FieldWriter(message).element(15, job);
    CHECK(decode(message).fault.code != Errc::ok);
  }
}

}  // namespace
}  // namespace pawl::net
