#include "client/batcher.h"

#include <chrono>

#include <catch2/catch.hpp>

#include "proto/pawl.pb.h"

namespace pawl::client {
namespace {

using namespace std::chrono_literals;

class BatcherFixture {
 public:
  explicit BatcherFixture(const BatchLimits& limits = {}) : batcher(limits) {}

  void add(std::string_view payload, const Options& options = Options(),
           TimePoint deadline = TimePoint::max()) {
    batcher.add({.name_space = options.in_namespace(),
                 .queue = options.queue(),
                 .type = "t",
                 .payload = payload,
                 .options = options},
                {.deadline = deadline, .done = {}, .ticket = {}});
  }
  // The payloads of the next batch, joined by commas; nothing when none may go.
  std::string take() {
    auto batch = batcher.take();
    if (!batch) return "nothing";
    last_group = batch->group;
    std::string op;
    append_enqueue_op(op, JobId(), batch->head, batch->jobs);
    pb::Request request;
    REQUIRE(request.ParseFromString(op));
    REQUIRE(static_cast<std::size_t>(request.enqueue().jobs_size()) == batch->waiting.size());
    std::string text;
    for (const auto& job : request.enqueue().jobs())
      text += (text.empty() ? "" : ",") + job.payload();
    return text;
  }

  Batcher batcher;
  std::string last_group;
};

TEST_CASE("a job goes at once when nothing is in flight", "[client][batcher]") {
  BatcherFixture t;
  CHECK_FALSE(t.batcher.ready());
  t.add("a");
  CHECK(t.batcher.ready());
  CHECK(t.take() == "a");
  CHECK(t.take() == "nothing");
}

TEST_CASE("jobs that come while a batch is in flight go together after it", "[client][batcher]") {
  BatcherFixture t;
  t.add("a");
  CHECK(t.take() == "a");
  t.add("b");
  t.add("c");
  CHECK_FALSE(t.batcher.ready());
  CHECK(t.take() == "nothing");
  t.batcher.ended(t.last_group);
  CHECK(t.batcher.ready());
  CHECK(t.take() == "b,c");
}

TEST_CASE("jobs that come before the first is taken go with it", "[client][batcher]") {
  BatcherFixture t;
  t.add("a");
  t.add("b");
  CHECK(t.take() == "a,b");
}

TEST_CASE("a full batch does not wait for the one in flight", "[client][batcher]") {
  BatcherFixture t({.jobs_max = 2, .bytes_max = 1000});
  t.add("a");
  CHECK(t.take() == "a");
  t.add("b");
  CHECK(t.take() == "nothing");
  t.add("c");
  t.add("d");
  CHECK(t.take() == "b,c");
  CHECK(t.take() == "nothing");
  t.batcher.ended(t.last_group);
  CHECK(t.take() == "nothing");
  t.batcher.ended(t.last_group);
  CHECK(t.take() == "d");
}

TEST_CASE("a batch is full by its bytes, and one large job is a batch", "[client][batcher]") {
  BatcherFixture t({.jobs_max = 1000, .bytes_max = 100});
  const std::string half(60, 'x');
  const std::string large(500, 'y');
  t.add("a");
  CHECK(t.take() == "a");
  t.add(half);
  t.add(half);
  CHECK(t.take() == half);
  t.add(large);
  CHECK(t.take() == half);
  t.add("b");
  CHECK(t.take() == large);
}

TEST_CASE("queues, namespaces and shapes have batches of their own", "[client][batcher]") {
  BatcherFixture t;
  t.add("a", Options().queue("p"));
  t.add("b", Options().queue("q"));
  t.add("c", Options().queue("p").in_namespace("n"));
  t.add("d", Options().queue("p").priority(9));
  t.add("e", Options().queue("p").key("k").delay(1s));
  CHECK(t.take() == "a,e");
  CHECK(t.take() == "b");
  CHECK(t.take() == "c");
  CHECK(t.take() == "d");
  CHECK(t.take() == "nothing");
}

TEST_CASE("a gathered job whose time is up leaves, and its neighbours stay whole",
          "[client][batcher]") {
  BatcherFixture t;
  const TimePoint start(1h);
  t.add("a");
  CHECK(t.take() == "a");
  CHECK(t.batcher.next_deadline() == TimePoint::max());
  t.add("b", Options(), start + 2s);
  t.add("c", Options(), start + 1s);
  t.add("d", Options(), start + 3s);
  CHECK(t.batcher.next_deadline() == start + 1s);
  CHECK(t.batcher.expire(start + 999ms).empty());
  CHECK(t.batcher.expire(start + 1s).size() == 1);
  CHECK(t.batcher.next_deadline() == start + 2s);
  t.batcher.ended(t.last_group);
  CHECK(t.take() == "b,d");
  CHECK(t.batcher.next_deadline() == TimePoint::max());
}

TEST_CASE("a group whose jobs have all expired is empty and goes on", "[client][batcher]") {
  BatcherFixture t;
  t.add("a", Options(), TimePoint(1s));
  CHECK(t.batcher.expire(TimePoint(1s)).size() == 1);
  CHECK(t.take() == "nothing");
  t.add("b");
  CHECK(t.take() == "b");
}

TEST_CASE("groups without jobs do not pile up", "[client][batcher]") {
  BatcherFixture t;
  for (int i = 0; i < 10'000; ++i) {
    t.add("x", Options().queue("q" + std::to_string(i)));
    CHECK(t.take() == "x");
    t.batcher.ended(t.last_group);
  }
  CHECK(t.batcher.groups() <= 65);
}

TEST_CASE("clearing gives every gathered and full job back", "[client][batcher]") {
  BatcherFixture t({.jobs_max = 2, .bytes_max = 1000});
  t.add("a");
  t.take();
  t.add("b");
  t.add("c");
  t.add("d");
  CHECK(t.batcher.clear().size() == 3);
  CHECK(t.take() == "nothing");
}

}  // namespace
}  // namespace pawl::client
