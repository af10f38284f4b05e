#include "client/chunks.h"

#include <catch2/catch.hpp>

#include "proto/pawl.pb.h"

namespace pawl::client {
namespace {

struct Cut {
  std::string queue;
  std::string payloads;
  bool shared = false;
  std::vector<std::size_t> positions;
};

std::vector<Cut> cut(const std::vector<Job>& jobs, const BatchLimits& limits = {}) {
  Chunks chunks(jobs, limits, "home");
  std::vector<Cut> cuts;
  while (auto chunk = chunks.next()) {
    std::string op;
    append_enqueue_op(op, JobId(), chunk->head, chunk->jobs);
    pb::Request request;
    REQUIRE(request.ParseFromString(op));
    const pb::Enqueue& enqueue = request.enqueue();
    Cut one{.queue = enqueue.namespace_() + "/" + enqueue.queue(),
            .payloads = {},
            .shared = enqueue.has_defaults(),
            .positions = chunk->positions};
    for (const auto& job : enqueue.jobs()) {
      pb::Job whole = enqueue.defaults();
      whole.MergeFrom(job);
      one.payloads += whole.type() + ":" + whole.payload() + " ";
    }
    cuts.push_back(std::move(one));
  }
  return cuts;
}

Job in_queue(const std::string& queue, const std::string& payload) {
  return Job("t", payload, Options().queue(queue));
}

TEST_CASE("no jobs are no batches", "[client][chunks]") {
  CHECK(cut({}).empty());
}

TEST_CASE("jobs of one shape share their defaults", "[client][chunks]") {
  const auto cuts = cut({in_queue("q", "a"), in_queue("q", "b")});
  REQUIRE(cuts.size() == 1);
  CHECK(cuts[0].queue == "home/q");
  CHECK(cuts[0].payloads == "t:a t:b ");
  CHECK(cuts[0].shared);
}

TEST_CASE("jobs of many shapes say all themselves", "[client][chunks]") {
  const auto cuts = cut({Job("t", "a"), Job("u", "b"), Job("t", "c", Options().priority(1))});
  REQUIRE(cuts.size() == 1);
  CHECK(cuts[0].payloads == "t:a u:b t:c ");
  CHECK_FALSE(cuts[0].shared);
}

TEST_CASE("each queue gets its own batches, its jobs in their order", "[client][chunks]") {
  const auto cuts =
      cut({in_queue("p", "a"), in_queue("q", "b"), in_queue("p", "c"),
           Job("t", "d", Options().queue("p").in_namespace("away")), in_queue("q", "e")});
  REQUIRE(cuts.size() == 3);
  CHECK(cuts[0].queue == "home/p");
  CHECK(cuts[0].payloads == "t:a t:c ");
  CHECK(cuts[0].positions == std::vector<std::size_t>{0, 2});
  CHECK(cuts[1].queue == "home/q");
  CHECK(cuts[1].payloads == "t:b t:e ");
  CHECK(cuts[2].queue == "away/p");
}

TEST_CASE("names that only join to the same text are different queues", "[client][chunks]") {
  const auto cuts = cut({Job("t", "a", Options().in_namespace("ab").queue("c")),
                         Job("t", "b", Options().in_namespace("a").queue("bc"))});
  CHECK(cuts.size() == 2);
}

TEST_CASE("batches end at their bound of jobs and of bytes", "[client][chunks]") {
  const std::vector<Job> jobs(5, in_queue("q", "x"));
  auto cuts = cut(jobs, {.jobs_max = 2, .bytes_max = 1000});
  REQUIRE(cuts.size() == 3);
  CHECK(cuts[1].positions == std::vector<std::size_t>{2, 3});
  CHECK(cuts[2].positions == std::vector<std::size_t>{4});

  const std::vector<Job> large(3, in_queue("q", std::string(60, 'x')));
  cuts = cut(large, {.jobs_max = 1000, .bytes_max = 100});
  CHECK(cuts.size() == 3);
  cuts = cut(large, {.jobs_max = 1000, .bytes_max = 10});
  CHECK(cuts.size() == 3);
}

}  // namespace
}  // namespace pawl::client
