#include "client/batch_id.h"

#include <chrono>
#include <set>

#include <catch2/catch.hpp>

namespace pawl::client {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a batch's id has time, version, slot and variant in their places", "[client][id]") {
  BatchIds ids(1);
  const JobId id = ids.next(0x0193'5abc'def0, 0xa5c);
  const std::string text = id.to_string();
  CHECK(text.substr(0, 18) == "01935abc-def0-7a5c");
  CHECK(std::string("89ab").find(text[19]) != std::string::npos);
  CHECK(text.substr(33) == "000");
  CHECK(id.time() == Time(Milliseconds(0x0193'5abc'def0)));
  CHECK(id.index() == 0);
}

TEST_CASE("a job's id is its batch's with the index in the last twelve bits", "[client][id]") {
  BatchIds ids(1);
  const JobId batch = ids.next(1, 2);
  CHECK(job_of_batch(batch, 0) == batch);
  for (const unsigned index : {1u, 255u, 256u, 999u, 4095u}) {
    const JobId job = job_of_batch(batch, index);
    CHECK(job.index() == index);
    CHECK(job_of_batch(job, 0) == batch);
  }
}

TEST_CASE("ids of one millisecond differ, and all random bits are used", "[client][id]") {
  BatchIds ids(1);
  std::set<JobId> seen;
  JobId::Bytes ones{};
  JobId::Bytes zeros{};
  for (int i = 0; i < 1000; ++i) {
    const JobId id = ids.next(0, 0);
    seen.insert(id);
    for (std::size_t b = 0; b < 16; ++b) {
      ones[b] |= id.bytes()[b];
      zeros[b] |= static_cast<std::uint8_t>(~id.bytes()[b]);
    }
  }
  CHECK(seen.size() == 1000);
  CHECK((ones[8] & zeros[8]) == 0x3f);
  for (std::size_t b = 9; b < 14; ++b) CHECK((ones[b] & zeros[b]) == 0xff);
  CHECK((ones[14] & zeros[14]) == 0xf0);
}

TEST_CASE("ids sort by their time", "[client][id]") {
  BatchIds ids(1);
  CHECK(ids.next(1000, 0xfff) < ids.next(1001, 0));
}

TEST_CASE("the broker's clock goes on from the greeting by what has passed here", "[client][id]") {
  const BrokerClock::TimePoint start(5h);
  BrokerClock clock;
  clock.set(1'000'000, start);
  CHECK(clock.now_ms(start) == 1'000'000);
  CHECK(clock.now_ms(start + 1500ms) == 1'001'500);
  clock.set(2'000'000, start + 2s);
  CHECK(clock.now_ms(start + 3s) == 2'001'000);
}

TEST_CASE("ids go to text and back", "[client][id]") {
  const JobId id = BatchIds(7).next(123'456'789, 99);
  CHECK(JobId::parse(id.to_string()) == id);
  CHECK_FALSE(JobId::parse("nonsense"));
}

}  // namespace
}  // namespace pawl::client
