#include "client/encode.h"

#include <chrono>

#include <catch2/catch.hpp>

#include "proto/pawl.pb.h"

namespace pawl::client {
namespace {

using namespace std::chrono_literals;

Options all_options() {
  return Options()
      .queue("media")
      .in_namespace("acme")
      .priority(0)
      .key("tenant-7")
      .delay(90s)
      .run_at(Time(1234567s))
      .max_attempts(7)
      .backoff(2s, 1min)
      .retention(0ms)
      .run_time_limit(5min)
      .header("traceparent", "00-1-2-00")
      .header("empty", "")
      .tag("red")
      .tag("blue")
      .json()
      .schema_version(3);
}

pb::Enqueue parse(const std::string& op) {
  pb::Request request;
  REQUIRE(request.ParseFromString(op));
  REQUIRE(request.has_enqueue());
  return request.enqueue();
}

void check_all_options(const pb::Job& job) {
  CHECK(job.priority() == 0);
  CHECK(job.has_priority());
  CHECK(job.key() == "tenant-7");
  CHECK(job.delay_ms() == 90'000);
  CHECK(job.run_at_ms() == 1'234'567'000);
  CHECK(job.retry().max_attempts() == 7);
  CHECK(job.retry().backoff_ms() == 2000);
  CHECK(job.retry().backoff_max_ms() == 60'000);
  CHECK(job.has_retention_ms());
  CHECK(job.retention_ms() == 0);
  CHECK(job.run_time_limit_ms() == 300'000);
  REQUIRE(job.headers_size() == 2);
  CHECK(job.headers(0).name() == "traceparent");
  CHECK(job.headers(0).value() == "00-1-2-00");
  CHECK(job.headers(1).name() == "empty");
  REQUIRE(job.tags_size() == 2);
  CHECK(job.tags(1) == "blue");
  CHECK(job.content_type() == "application/json");
  CHECK(job.schema_version() == 3);
}

TEST_CASE("defaults and job together say every option", "[client][encode]") {
  EnqueueHead head{.name_space = "acme", .queue = "media", .mode = BatchMode::per_job, .shape = {}};
  append_shape(head.shape, "image.resize", all_options());
  std::string jobs;
  append_job(jobs, {}, "payload", all_options());
  const JobId batch(JobId::Bytes{1, 2, 3});
  std::string op;
  append_enqueue_op(op, batch, head, jobs);

  const pb::Enqueue enqueue = parse(op);
  CHECK(enqueue.batch_id() == std::string("\1\2\3\0\0\0\0\0\0\0\0\0\0\0\0\0", 16));
  CHECK(enqueue.namespace_() == "acme");
  CHECK(enqueue.queue() == "media");
  CHECK(enqueue.mode() == pb::Enqueue::PER_JOB);
  REQUIRE(enqueue.jobs_size() == 1);
  pb::Job job = enqueue.defaults();
  job.MergeFrom(enqueue.jobs(0));
  CHECK(job.type() == "image.resize");
  CHECK(job.payload() == "payload");
  check_all_options(job);
}

TEST_CASE("a job may carry its shape itself", "[client][encode]") {
  std::string shape;
  append_shape(shape, "image.resize", all_options());
  std::string jobs;
  append_job(jobs, shape, "payload", all_options());
  std::string op;
  append_enqueue_op(
      op, JobId(), {.name_space = {}, .queue = "q", .mode = BatchMode::all_or_nothing, .shape = {}},
      jobs);

  const pb::Enqueue enqueue = parse(op);
  CHECK(enqueue.mode() == pb::Enqueue::ALL_OR_NOTHING);
  CHECK_FALSE(enqueue.has_defaults());
  CHECK(enqueue.jobs(0).type() == "image.resize");
  check_all_options(enqueue.jobs(0));
}

TEST_CASE("plain options take no bytes but the type's", "[client][encode]") {
  std::string shape;
  append_shape(shape, "t", Options());
  CHECK(shape == "\x0a\x01t");
}

TEST_CASE("payloads of every length around a longer prefix come out whole", "[client][encode]") {
  for (std::size_t size = 0; size < 20'000; size += size < 300 ? 1 : 997) {
    const std::string payload(size, 'x');
    const Options options = Options().key("k");
    std::string jobs;
    append_job(jobs, {}, payload, options);
    CHECK(jobs.size() <= job_bytes_max(0, payload, options));
    append_job(jobs, {}, "next", Options());
    std::string op;
    append_enqueue_op(op, JobId(), {.name_space = {}, .queue = "q", .mode = {}, .shape = {}}, jobs);
    const pb::Enqueue enqueue = parse(op);
    REQUIRE(enqueue.jobs_size() == 2);
    REQUIRE(enqueue.jobs(0).payload() == payload);
    REQUIRE(enqueue.jobs(0).key() == "k");
    REQUIRE(enqueue.jobs(1).payload() == "next");
  }
}

TEST_CASE("jobs differ in shape by everything that is not their own", "[client][encode]") {
  const Job job("t", "a", Options());
  CHECK(same_shape(job, Job("t", "b", Options().key("k").delay(1s).header("a", "b"))));
  CHECK_FALSE(same_shape(job, Job("u", "a")));
  CHECK_FALSE(same_shape(job, Job("t", "a", Options().priority(5))));
  CHECK_FALSE(same_shape(job, Job("t", "a", Options().tag("x"))));
  CHECK_FALSE(same_shape(job, Job("t", "a", Options().json())));
  CHECK_FALSE(same_shape(job, Job("t", "a", Options().retention(0ms))));
  CHECK_FALSE(same_shape(job, Job("t", "a", Options().max_attempts(2))));
  CHECK_FALSE(same_shape(job, Job("t", "a", Options().run_time_limit(1s))));
  CHECK_FALSE(same_shape(job, Job("t", "a", Options().schema_version(1))));
}

}  // namespace
}  // namespace pawl::client
