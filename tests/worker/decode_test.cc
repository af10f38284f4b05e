#include "worker/decode.h"

#include <chrono>

#include <catch2/catch.hpp>

namespace pawl::worker {
namespace {

// A delivery of one job under defaults that say everything.
pb::FetchReply delivery_of(const pb::Job& job) {
  pb::FetchReply reply;
  pb::Delivery& delivery = *reply.add_deliveries();
  delivery.set_batch_id(std::string(16, 'b'));
  pb::Job& defaults = *delivery.mutable_defaults();
  defaults.set_type("common");
  defaults.set_payload("common payload");
  defaults.set_content_type("text/plain");
  defaults.set_schema_version(7);
  defaults.set_run_time_limit_ms(60'000);
  *delivery.add_jobs() = job;
  delivery.add_index(0);
  return reply;
}

TEST_CASE("what a job does not say is as in its batch's defaults", "[worker][decode]") {
  const auto runs = runs_of(delivery_of({}));
  REQUIRE(runs.size() == 1);
  CHECK(runs[0]->type == "common");
  CHECK(runs[0]->payload == "common payload");
  CHECK(runs[0]->content_type == "text/plain");
  CHECK(runs[0]->schema_version == 7);
  CHECK(runs[0]->run_time_limit == std::chrono::minutes(1));
}

TEST_CASE("a job that says nothing or zero in so many words has that", "[worker][decode]") {
  pb::Job job;
  job.set_payload("");
  job.set_content_type("");
  job.set_schema_version(0);
  job.set_run_time_limit_ms(0);
  const auto runs = runs_of(delivery_of(job));
  REQUIRE(runs.size() == 1);
  CHECK(runs[0]->type == "common");
  CHECK(runs[0]->payload.empty());
  CHECK(runs[0]->content_type.empty());
  CHECK(runs[0]->schema_version == 0);
  CHECK_FALSE(runs[0]->run_time_limit);
}

}  // namespace
}  // namespace pawl::worker
