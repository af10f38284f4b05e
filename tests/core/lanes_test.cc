#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

Settings few_idle_lanes() {
  Settings settings;
  settings.grain.idle_lanes = 4;
  return settings;
}

// Work under many keys, all of it done.
void use_lanes(EngineFixture& engine, const EngineFixture::Worker& worker, int count) {
  for (int i = 0; i < count; ++i) {
    engine.enqueue({.key = fmt::format("k{}", i)});
    for (const auto& job : engine.fetch(worker, 10))
      CHECK(engine.complete(worker, job) == Errc::ok);
  }
}

}  // namespace

TEST_CASE("lanes that went idle are dropped, and their keys work again", "[core][lanes]") {
  EngineFixture engine(few_idle_lanes());
  auto worker = engine.worker();
  use_lanes(engine, worker, 50);
  CHECK(engine.engine().totals().lanes < 10);
  use_lanes(engine, worker, 50);
  engine.restart();
  worker = engine.worker();
  use_lanes(engine, worker, 50);
  CHECK(engine.engine().totals().lanes < 10);
  CHECK(engine.counts().completed == 150);
}

TEST_CASE("a retry finds its way although its lane was dropped meanwhile", "[core][lanes]") {
  EngineFixture engine(few_idle_lanes());
  auto worker = engine.worker();
  const JobId job = engine.enqueue({.key = "retries"});
  engine.fail(worker, engine.fetch(worker)[0]);
  use_lanes(engine, worker, 50);
  engine.restart();
  worker = engine.worker();
  engine.advance(2s);
  const auto again = engine.fetch(worker);
  REQUIRE(again.size() == 1);
  CHECK(again[0].id == job);
  CHECK(again[0].attempt == 2);
  CHECK(engine.complete(worker, again[0]) == Errc::ok);
}

TEST_CASE("beyond the bound of lanes a new key is overloaded and a known one is taken",
          "[core][lanes]") {
  Settings settings;
  settings.lanes_max = 3;
  EngineFixture engine(settings);
  for (const char* key : {"a", "b", "c"}) engine.enqueue({.key = key});
  const Reply refused = engine.enqueue_as(engine.fresh_id(), {.key = "d"});
  CHECK(std::get<Refused>(refused.body).code == Errc::overloaded);
  engine.enqueue({.key = "b"});
  CHECK(engine.counts().pending == 4);
}

TEST_CASE("beyond the bound of lanes what becomes due waits for a lane to be done with",
          "[core][lanes]") {
  Settings settings;
  settings.lanes_max = 3;
  settings.grain.idle_lanes = 0;
  EngineFixture engine(settings);
  constexpr int kKeys = 20;
  for (int i = 0; i < kKeys; ++i) {
    engine.enqueue({.key = fmt::format("k{}", i), .due = {Due::Kind::delay, 1000ms, {}}});
  }
  engine.enqueue({.key = "k19"});
  engine.advance(2s);
  CHECK(engine.engine().totals().lanes == 3);
  CHECK(engine.counts().pending == 4);  // k19 has a lane already.

  const auto worker = engine.worker();
  int done = 0;
  for (int round = 0; round < 5 * kKeys; ++round) {
    for (const auto& job : engine.fetch(worker)) {
      CHECK(engine.complete(worker, job) == Errc::ok);
      ++done;
    }
    CHECK(engine.engine().totals().lanes <= 3);
    engine.advance(1ms);
  }
  CHECK(done == kKeys + 1);
}
