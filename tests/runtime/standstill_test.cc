// Who is taken for silent when the broker itself has stood still.

#include <future>

#include "tests/runtime/running.h"
#include "tests/support/manual_clock.h"

namespace pawl::test {

namespace {

constexpr auto kMoreThanALease = std::chrono::seconds(40);

// The threads of the network, which have not read yet what has reached the machine.
class Ears {
 public:
  auto catch_up() {
    return [this](runtime::LoopOptions::Done done) { asked_.set_value(std::move(done)); };
  }
  // Until the loop wants to know; calling it says that everything is posted.
  runtime::LoopOptions::Done wait_until_asked() {
    std::future<runtime::LoopOptions::Done> asked = asked_.get_future();
    REQUIRE(asked.wait_for(kPatience) == std::future_status::ready);
    asked_ = {};
    return asked.get();
  }

 private:
  std::promise<runtime::LoopOptions::Done> asked_;
};

struct Standstill {
  Standstill() {
    running.loop.reset();
    runtime::LoopOptions options;
    options.catch_up = ears.catch_up();
    running.start(options);
    session = running.open_session();
  }

  void some_turns() {
    for (int turn = 0; turn < 5; ++turn) running.code_of(running.enqueue());
  }
  core::Errc beat() { return running.code_of(running.post(running.beat_of(session))); }

  ManualClock* clock = new ManualClock;
  Ears ears;
  Running running{std::unique_ptr<runtime::Clock>(clock)};
  core::SessionId session;
};

}  // namespace

TEST_CASE("no session ends before what had reached the broker by then is posted",
          "[runtime][standstill]") {
  Standstill standstill;
  standstill.clock->pass(kMoreThanALease);
  standstill.some_turns();
  const auto done = standstill.ears.wait_until_asked();
  standstill.some_turns();
  CHECK(standstill.beat() == core::Errc::ok);

  done();
  standstill.some_turns();
  CHECK(standstill.beat() == core::Errc::ok);
}

TEST_CASE("a session of which nothing had reached the broker ends", "[runtime][standstill]") {
  Standstill standstill;
  standstill.clock->pass(kMoreThanALease);
  standstill.some_turns();
  const auto done = standstill.ears.wait_until_asked();
  standstill.clock->pass(kMoreThanALease);  // It has heard up to when it was asked.

  done();
  standstill.some_turns();
  CHECK(standstill.beat() == core::Errc::lease_lost);
}

TEST_CASE("whoever falls silent later is asked for again", "[runtime][standstill]") {
  Standstill standstill;
  standstill.clock->pass(kMoreThanALease);
  standstill.some_turns();
  const auto first = standstill.ears.wait_until_asked();
  CHECK(standstill.beat() == core::Errc::ok);
  standstill.clock->pass(kMoreThanALease);

  first();
  standstill.some_turns();
  const auto second = standstill.ears.wait_until_asked();
  second();
  standstill.some_turns();
  CHECK(standstill.beat() == core::Errc::lease_lost);
}

}  // namespace pawl::test
