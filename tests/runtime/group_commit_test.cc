#include "broker/runtime/group_commit.h"

#include <catch2/catch.hpp>

#include "broker/store/memory_store.h"
#include "tests/runtime/toy_engine.h"

namespace pawl::test {

namespace {

using Group = runtime::GroupCommit<ToyEngine>;
using Fault = store::MemoryStore::Fault;
using store::Outcome;

constexpr core::Now kNow{core::timestamp_from_ms(1000), core::wall_from_ms(1000)};

// A group over a memory store, moved by hand.
struct Hand {
  explicit Hand(store::Caps::Recovery recovery = store::Caps::Recovery::acquire)
      : memory(options(recovery)), group({}, 1, memory.caps()) {
    begin();
  }

  static store::MemoryOptions options(store::Caps::Recovery recovery) {
    store::MemoryOptions options;
    options.caps.bytes_preferred = 1000;
    options.caps.recovery = recovery;
    return options;
  }

  void begin() { group.begin(memory.acquire(0), kNow); }

  void enqueue(std::uint64_t request, std::size_t bytes = 10) {
    core::Enqueue enqueue;
    enqueue.ticket = {1, request};
    enqueue.queue = "k" + std::to_string(request);
    enqueue.jobs = core::Blob::copy_of(std::string(bytes, 'x'));
    group.execute(std::move(enqueue), kNow);
  }
  void beat(std::uint64_t request) {
    core::Heartbeat heartbeat;
    heartbeat.ticket = {1, request};
    group.execute(std::move(heartbeat), kNow);
  }
  void get(std::uint64_t request) {
    core::GetJobs get;
    get.ticket = {1, request};
    group.execute(std::move(get), kNow);
  }

  // One take_work: remembers its commit and reads, returns the requests that were answered.
  std::vector<std::uint64_t> take() {
    runtime::Work work = group.take_work(kNow);
    if (work.commit) writing = work.commit;
    for (auto& read : work.reads) reads.push_back(std::move(read));
    std::vector<std::uint64_t> answered;
    for (const core::Reply& reply : work.replies) {
      answered.push_back(reply.ticket.request);
      replies.push_back(reply);
    }
    return answered;
  }
  Outcome write() {
    const store::Committed result =
        memory.commit(0, group.epoch(), *std::exchange(writing, nullptr));
    group.written(result);
    return result.outcome;
  }
  void answer_reads() {
    for (auto& read : std::exchange(reads, {})) {
      group.answered(read.epoch, memory.read(0, read.read), kNow);
    }
  }

  store::MemoryStore memory;
  Group group;
  std::shared_ptr<const core::Commit> writing;
  std::vector<runtime::EpochRead> reads;
  std::vector<core::Reply> replies;
};

using Requests = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("a reply leaves after its commit and not before", "[runtime]") {
  Hand hand;
  hand.enqueue(1);
  CHECK(hand.take().empty());
  REQUIRE(hand.writing);
  CHECK(hand.take().empty());

  hand.write();
  CHECK(hand.take() == Requests{1});
  CHECK(hand.group.engine().last_committed() == 1);
  CHECK(hand.group.idle());
}

TEST_CASE("a reply that depends on nothing leaves while a commit is written", "[runtime]") {
  Hand hand;
  hand.enqueue(1);
  hand.take();
  hand.beat(2);
  CHECK(hand.take() == Requests{2});
  CHECK(hand.group.writing());
}

TEST_CASE("what comes while a commit is written is one commit", "[runtime]") {
  Hand hand;
  hand.enqueue(1);
  hand.take();
  const auto first = hand.writing;
  for (const std::uint64_t request : {2, 3, 4}) {
    hand.enqueue(request);
    CHECK(hand.take().empty());
    CHECK(hand.writing == first);
  }
  hand.write();
  CHECK(hand.take() == Requests{1});
  REQUIRE(hand.writing);
  CHECK(hand.writing->ops().size() == 3);
  hand.write();
  CHECK(hand.take() == Requests{2, 3, 4});
}

TEST_CASE("commands wait while much is kept for slow reads", "[runtime]") {
  Hand hand;
  ToyEngine::kept = std::size_t{1} << 30;
  CHECK_FALSE(hand.group.accepting());
  ToyEngine::kept = 0;
  CHECK(hand.group.accepting());
}

TEST_CASE("a commit is closed at the store's preferred size", "[runtime]") {
  Hand hand;
  for (std::uint64_t request = 1; request <= 4; ++request) hand.enqueue(request, 600);
  CHECK_FALSE(hand.group.accepting());

  hand.take();
  CHECK(hand.writing->ops().size() == 2);
  CHECK(hand.group.accepting());
  hand.write();
  CHECK(hand.take() == Requests{1, 2});
  CHECK(hand.writing->ops().size() == 2);
  hand.write();
  CHECK(hand.take() == Requests{3, 4});
}

TEST_CASE("a read is passed on while a commit is written", "[runtime]") {
  Hand hand;
  hand.enqueue(1);
  hand.take();
  hand.get(2);
  hand.take();
  REQUIRE(hand.reads.size() == 1);
  hand.answer_reads();
  CHECK(hand.take() == Requests{2});
}

TEST_CASE("a commit that was not durable answers everything that is open", "[runtime]") {
  const Fault fault =
      GENERATE(Fault::rejected, Fault::fenced, Fault::unknown_lost, Fault::unknown_applied);
  Hand hand;
  hand.memory.inject(Fault::none);
  hand.memory.inject(fault);
  hand.enqueue(1);
  hand.take();
  hand.write();
  hand.take();
  hand.enqueue(2);
  hand.take();
  hand.enqueue(3);  // Gathers.
  hand.get(4);      // Waits for a read.
  hand.group.execute(core::Disconnected{9}, kNow);

  CHECK(hand.write() != Outcome::durable);
  CHECK(hand.group.phase() == Group::Phase::over);
  CHECK_FALSE(hand.group.accepting());
  CHECK(hand.take() == Requests{2, 3, 4});
  for (std::size_t i = 1; i < hand.replies.size(); ++i) {
    CHECK(std::get<core::Refused>(hand.replies[i].body).code == core::Errc::unavailable);
  }

  hand.begin();
  CHECK(hand.group.engine().epoch() == 2);
  hand.enqueue(5);
  hand.take();
  CHECK(hand.writing->seq == (fault == Fault::unknown_applied ? 3 : 2));
  CHECK(hand.write() == Outcome::durable);
  CHECK(hand.take() == Requests{5});
}

TEST_CASE("a connection that is gone is not answered when the epoch ends", "[runtime]") {
  Hand hand;
  hand.memory.inject(Fault::fenced);
  hand.enqueue(1);
  hand.group.execute(core::Disconnected{1}, kNow);
  hand.take();
  hand.write();
  CHECK(hand.take().empty());
}

TEST_CASE("a reply that may leave does so though the epoch has ended", "[runtime]") {
  Hand hand;
  hand.memory.inject(Fault::fenced);
  hand.beat(1);
  hand.enqueue(2);
  CHECK(hand.take() == Requests{1});
  hand.beat(3);
  hand.write();
  CHECK(hand.take() == Requests{2, 3});
}

TEST_CASE("an answer to a read of an earlier epoch is dropped", "[runtime]") {
  Hand hand;
  hand.memory.inject(Fault::unknown_lost);
  hand.get(1);
  hand.take();
  hand.enqueue(2);
  hand.take();
  hand.write();
  hand.take();
  hand.begin();
  hand.answer_reads();
  CHECK(hand.take().empty());
}

TEST_CASE("where only a restart helps nothing leaves after a failed commit", "[runtime]") {
  Hand hand(store::Caps::Recovery::restart);
  hand.memory.inject(Fault::unknown_lost);
  hand.enqueue(1);
  hand.take();
  hand.enqueue(2);
  hand.beat(3);
  hand.write();
  CHECK(hand.group.phase() == Group::Phase::failed);
  CHECK(hand.group.why() == "injected");
  CHECK(hand.take().empty());
  CHECK_FALSE(hand.writing);
}

TEST_CASE("a failed read is the end", "[runtime]") {
  Hand hand;
  hand.memory.fail_next_read("block 7 of file 3");
  hand.get(1);
  hand.take();
  hand.beat(2);
  hand.answer_reads();
  CHECK(hand.group.phase() == Group::Phase::failed);
  CHECK(hand.group.why() == "block 7 of file 3");
  CHECK(hand.take().empty());
}

}  // namespace pawl::test
