// What is leased stays bounded in memory: the window's bound holds for the clients' bytes of jobs
// that only run, too.

#include <string>

#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

namespace pawl::core {
namespace {

using test::BatchSpec;
using test::EngineFixture;

constexpr std::size_t kWindow = 100'000;
constexpr std::size_t kPayload = 10'000;

std::size_t in_memory(EngineFixture& engine) {
  return engine.engine().totals().window_bytes;
}

void enqueue_large(EngineFixture& engine, char letter) {
  engine.enqueue({.payload = std::string(kPayload, letter)});
}

}  // namespace

TEST_CASE("the bytes of leased jobs leave memory when the window is full", "[core][shedding]") {
  EngineFixture engine(Settings{.window_bytes = kWindow});
  const auto worker = engine.worker();
  std::size_t leased = 0;
  for (int i = 0; i < 100; ++i) {
    enqueue_large(engine, 'a');
    leased += engine.fetch(worker).size();
  }
  CHECK(leased == 100);
  CHECK(in_memory(engine) < kWindow + 100 * 1'000);
}

TEST_CASE("a job whose bytes were shed comes back whole", "[core][shedding]") {
  EngineFixture engine(Settings{.window_bytes = 0});
  const auto first = engine.worker();
  enqueue_large(engine, 'x');
  const auto leased = engine.fetch(first);
  REQUIRE(leased.size() == 1);
  CHECK(in_memory(engine) < kPayload);

  SECTION("when it is released") {
    engine.release(first, leased[0]);
  }
  SECTION("when it fails and is due again") {
    engine.fail(first, leased[0]);
    engine.advance(Milliseconds{5000});
  }
  SECTION("when its worker is lost") {
    engine.advance(limits::kLease + Milliseconds{1000});
  }
  const auto again = engine.fetch(engine.worker());
  REQUIRE(again.size() == 1);
  CHECK(again[0].id == leased[0].id);
  CHECK(again[0].payload == leased[0].payload);
}

TEST_CASE("a batch keeps its bytes as long as others of it wait", "[core][shedding]") {
  EngineFixture engine(Settings{.window_bytes = 0});
  const auto worker = engine.worker();
  engine.enqueue({.jobs = 2, .payload = std::string(kPayload, 'y')});
  REQUIRE(engine.fetch(worker).size() == 1);
  CHECK(in_memory(engine) > 2 * kPayload);
  REQUIRE(engine.fetch(worker).size() == 1);
  CHECK(in_memory(engine) < kPayload);
}

}  // namespace pawl::core
