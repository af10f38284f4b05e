// What every store has to do. A new implementation adds its harness to the list and passes all of
// it.

#include <catch2/catch.hpp>

#include "broker/core/keys.h"
#include "tests/store/store_talk.h"

namespace pawl::test {

namespace {

using Rows = Owned::Rows;

std::string value_of_size(std::size_t size, char fill = 'v') {
  return std::string(size, fill);
}

core::JobId batch_id(std::uint64_t number) {
  return {(number << 16) | 0x7000, 0x8000ULL << 48};
}

}  // namespace

#define STORES "[store]", MemoryHarness, RocksHarness

TEMPLATE_TEST_CASE("what was committed is read back", STORES) {
  TestType harness;
  Owned owned(harness.store());

  CHECK(owned
            .commit([](core::Commit& commit) {
              commit.put(Table::batches, "b", "head", core::Blob::copy_of("+tail"));
              commit.put_new(Table::batches, "a", "");
              commit.put(Table::meta, "b", "other table");
            })
            .outcome == Outcome::durable);

  CHECK(owned.rows(Table::batches) == Rows{{"a", ""}, {"b", "head+tail"}});
  CHECK(owned.rows(Table::meta) == Rows{{"b", "other table"}});
  CHECK(owned.rows(Table::ready).empty());
}

TEMPLATE_TEST_CASE("the operations of a commit count in their order", STORES) {
  TestType harness;
  Owned owned(harness.store());
  owned.put(Table::ready, "old", "1");

  CHECK(owned
            .commit([](core::Commit& commit) {
              commit.erase_once(Table::ready, "old");
              commit.put(Table::ready, "new", "1");
              commit.put(Table::ready, "new", "2");
              commit.put(Table::ready, "gone", "1");
              commit.erase(Table::ready, "gone");
              commit.erase(Table::ready, "never there");
            })
            .outcome == Outcome::durable);

  CHECK(owned.rows(Table::ready) == Rows{{"new", "2"}});
}

// `put_new` and `erase_once` are promises of the core about a key's life; in return a key that is
// put once and erased once stays away, and may begin another life.
TEMPLATE_TEST_CASE("a key that was put once and erased once is gone, and may come again", STORES) {
  TestType harness;
  for (int life = 0; life < 3; ++life) {
    const std::string value = std::to_string(life);
    {
      Owned owned(harness.store());
      owned.commit([&](core::Commit& commit) { commit.put_new(Table::ready, "k", value); });
      CHECK(owned.rows(Table::ready) == Rows{{"k", value}});
    }
    harness.restart();
    {
      Owned owned(harness.store());
      CHECK(owned.rows(Table::ready) == Rows{{"k", value}});
      owned.commit([](core::Commit& commit) { commit.erase_once(Table::ready, "k"); });
      CHECK(owned.rows(Table::ready).empty());
    }
    harness.restart();
    Owned owned(harness.store());
    CHECK(owned.rows(Table::ready).empty());
  }
}

TEMPLATE_TEST_CASE("keys sort by their bytes", STORES) {
  TestType harness;
  Owned owned(harness.store());
  using namespace std::string_literals;
  owned.commit([](core::Commit& commit) {
    for (const auto& key : {"\xff"s, "\x7f"s, "\0"s, "\0\0"s, "a"s, "\x80"s}) {
      commit.put(Table::lanes, key, "");
    }
  });

  CHECK(owned.rows(Table::lanes) ==
        Rows{{"\0"s, ""}, {"\0\0"s, ""}, {"a", ""}, {"\x7f", ""}, {"\x80", ""}, {"\xff", ""}});
}

TEMPLATE_TEST_CASE("a range has its first key and not its last", STORES) {
  TestType harness;
  Owned owned(harness.store());
  owned.commit([](core::Commit& commit) {
    for (const char* key : {"a", "b", "c", "d"}) commit.put(Table::agenda, key, key);
  });

  CHECK(owned.rows(Table::agenda, "b", "d") == Rows{{"b", "b"}, {"c", "c"}});
  CHECK(owned.rows(Table::agenda, "c", "c").empty());
  CHECK(owned.rows(Table::agenda, "x", "a").empty());
}

TEMPLATE_TEST_CASE("ranges are answered in their order, whatever their place", STORES) {
  TestType harness;
  Owned owned(harness.store());
  owned.commit([](core::Commit& commit) {
    for (std::uint64_t i = 0; i < 40; i += 2) {
      commit.put(Table::batches, core::keys::batch_part(batch_id(i), 0), std::to_string(i));
      commit.put(Table::batches, core::keys::batch_part(batch_id(i), 1), "part");
    }
    commit.put(Table::meta, "x", "meta");
  });

  core::Read read;
  std::vector<std::pair<std::uint32_t, std::string>> expected;
  const auto expect = [&](std::uint64_t number) {
    read.ranges.push_back(core::keys::of_batch(Table::batches, batch_id(number)));
    const auto range = static_cast<std::uint32_t>(read.ranges.size() - 1);
    if (number >= 40 || number % 2 != 0) return;
    expected.emplace_back(range, std::to_string(number));
    expected.emplace_back(range, "part");
  };
  for (const std::uint64_t number : {4, 5, 6, 8, 30, 7, 2, 2, 3, 100, 38, 39, 0}) expect(number);
  read.ranges.push_back(core::keys::all(Table::meta));
  expected.emplace_back(read.ranges.size() - 1, "meta");

  std::vector<std::pair<std::uint32_t, std::string>> rows;
  for (const core::Row& row : owned.ask(read).rows) rows.emplace_back(row.range, row.value.view());
  CHECK(rows == expected);
}

TEMPLATE_TEST_CASE("an answer stops at its bounds and says where", STORES) {
  TestType harness;
  Owned owned(harness.store());
  owned.commit([](core::Commit& commit) {
    for (const char* key : {"a", "b", "c"}) {
      commit.put(Table::ready, key, value_of_size(100));
      commit.put(Table::dead, key, value_of_size(100));
    }
  });
  core::Read read{.id = 9, .ranges = {core::keys::all(Table::ready), core::keys::all(Table::dead)}};

  SECTION("by rows, inside a range") {
    read.rows_max = 2;
    const core::ReadAnswer answer = owned.ask(read);
    CHECK(answer.id == 9);
    CHECK(answer.rows.size() == 2);
    CHECK_FALSE(answer.complete);
    CHECK(answer.stopped_range == 0);
    CHECK(answer.stopped_key == "c");
  }
  SECTION("by rows, at the end of a range") {
    read.rows_max = 3;
    const core::ReadAnswer answer = owned.ask(read);
    CHECK_FALSE(answer.complete);
    CHECK(answer.stopped_range == 1);
    CHECK(answer.stopped_key == "a");
  }
  SECTION("by bytes") {
    read.bytes_max = 350;
    const core::ReadAnswer answer = owned.ask(read);
    CHECK(answer.rows.size() == 3);
    CHECK(answer.stopped_range == 1);
  }
  SECTION("one row is always given") {
    read.bytes_max = 1;
    CHECK(owned.ask(read).rows.size() == 1);
  }
  SECTION("not at all when everything fits exactly") {
    read.rows_max = 6;
    const core::ReadAnswer answer = owned.ask(read);
    CHECK(answer.rows.size() == 6);
    CHECK(answer.complete);
  }
}

TEMPLATE_TEST_CASE("values outlive their answer and the store's changes", STORES) {
  const std::size_t size = GENERATE(std::size_t{20}, core::kOwnMemoryBytes, std::size_t{20'000});
  TestType harness;
  Owned owned(harness.store());
  owned.commit([&](core::Commit& commit) {
    for (int i = 100; i < 300; ++i) {
      commit.put(Table::batches, "k" + std::to_string(i), value_of_size(size, char('a' + i % 26)));
    }
  });
  core::ReadAnswer answer =
      owned.ask({.ranges = {core::keys::all(Table::batches)}, .bytes_max = SIZE_MAX});
  REQUIRE(answer.rows.size() == 200);
  const core::Blob value = answer.rows[150].value;
  const std::weak_ptr<const void> others = answer.owner;
  answer = {};
  owned.put(Table::batches, "k250", "changed");

  CHECK(value.view() == value_of_size(size, char('a' + 250 % 26)));
  CHECK(others.expired() == (size >= core::kOwnMemoryBytes));
}

TEMPLATE_TEST_CASE("an answer names the last commit that it contains", STORES) {
  TestType harness;
  Owned owned(harness.store());
  CHECK(owned.ask({}).as_of == 0);
  for (core::CommitSeq seq = 1; seq <= 3; ++seq) {
    owned.put(Table::meta, "k", std::to_string(seq),
              {.sync = seq == 2 ? Sync::written : Sync::synced});
    const core::ReadAnswer answer = owned.ask({.ranges = {core::keys::all(Table::meta)}});
    CHECK(answer.as_of == seq);
    CHECK(answer.rows.at(0).value.view() == std::to_string(seq));
  }
}

TEMPLATE_TEST_CASE("what has expired by the last commit is hidden", STORES) {
  TestType harness;
  Owned owned(harness.store());
  owned.commit(
      [](core::Commit& commit) {
        commit.put(Table::batches, "receipt", "r", {}, core::timestamp_from_ms(100));
        commit.put(Table::batches, "stays", "s");
      },
      {.at_ms = 50});
  CHECK(owned.rows(Table::batches) == Rows{{"receipt", "r"}, {"stays", "s"}});

  owned.put(Table::meta, "x", "", {.at_ms = 99});
  CHECK(owned.rows(Table::batches).size() == 2);

  owned.put(Table::meta, "x", "", {.at_ms = 100});
  CHECK(owned.rows(Table::batches) == Rows{{"stays", "s"}});

  core::Read one{.ranges = {core::keys::all(Table::batches)}, .rows_max = 1};
  CHECK(owned.ask(one).complete);
}

TEMPLATE_TEST_CASE("every acquire starts a later epoch and fences the one before", STORES) {
  TestType harness;
  Owned older(harness.store());
  older.put(Table::meta, "k", "older", {.at_ms = 77});
  Owned newer(harness.store());

  CHECK(newer.owner().epoch > older.owner().epoch);
  CHECK(newer.owner().last == 1);
  CHECK(newer.owner().at == core::timestamp_from_ms(77));
  CHECK(older.put(Table::meta, "k", "too late") == Outcome::fenced);
  CHECK(newer.put(Table::meta, "k", "newer") == Outcome::durable);
  CHECK(newer.rows(Table::meta) == Rows{{"k", "newer"}});
}

TEMPLATE_TEST_CASE("shards see nothing of each other", STORES) {
  TestType harness;
  Owned seven(harness.store(), 7);
  Owned eight(harness.store(), 8);
  seven.put(Table::meta, "k", "seven");
  seven.put(Table::meta, "l", "seven");
  eight.put(Table::meta, "k", "eight");

  CHECK(seven.rows(Table::meta) == Rows{{"k", "seven"}, {"l", "seven"}});
  CHECK(eight.rows(Table::meta) == Rows{{"k", "eight"}});
  CHECK(eight.ask({}).as_of == 1);
  CHECK(seven.ask({}).as_of == 2);
}

TEMPLATE_TEST_CASE("a commit out of order is rejected and ends the epoch", STORES) {
  TestType harness;
  Owned owned(harness.store());
  owned.put(Table::meta, "k", "1");
  core::Commit skipped;
  skipped.put(Table::meta, "k", "3");
  skipped.seq = 3;
  const store::Committed result = harness.store().commit(kShard, owned.owner().epoch, skipped);

  CHECK(result.outcome == Outcome::rejected);
  CHECK_FALSE(result.why.empty());
  CHECK(owned.put(Table::meta, "k", "2") == Outcome::fenced);
  Owned again(harness.store());
  CHECK(again.owner().last == 1);
  CHECK(again.put(Table::meta, "k", "2") == Outcome::durable);
}

TEMPLATE_TEST_CASE("a commit beyond the caps is rejected as a whole", STORES) {
  TestType harness;
  const store::Caps caps = harness.store().caps();
  const auto too_much = GENERATE(0, 1, 2);
  Owned owned(harness.store());
  const store::Committed result = owned.commit([&](core::Commit& commit) {
    commit.put(Table::meta, "fits", "");
    if (too_much == 0) commit.put(Table::meta, value_of_size(caps.key_bytes_max + 1), "");
    if (too_much == 1) commit.put(Table::meta, "k", value_of_size(caps.value_bytes_max + 1));
    if (too_much == 2) commit.put(Table::meta, "", "the key is empty");
  });

  CHECK(result.outcome == Outcome::rejected);
  CHECK(owned.rows(Table::meta).empty());
}

TEMPLATE_TEST_CASE("the largest key and value fit", STORES) {
  TestType harness;
  const store::Caps caps = harness.store().caps();
  CHECK(caps.key_bytes_max >= 1024);
  CHECK(caps.value_bytes_max >= 64 << 10);
  Owned owned(harness.store());
  const std::string key = value_of_size(caps.key_bytes_max, 'k');
  const std::string value = value_of_size(caps.value_bytes_max);

  CHECK(owned.put(Table::batches, key, value) == Outcome::durable);
  CHECK(owned.rows(Table::batches) == Rows{{key, value}});
}

// What a crash or a power cut leaves is tests/faults' business, with RocksDB, and the simulation's,
// with the memory store.
TEMPLATE_TEST_CASE("everything is there after an orderly restart", STORES) {
  TestType harness;
  core::Epoch epoch = 0;
  for (int round = 0; round < 4; ++round) {
    {
      Owned owned(harness.store());
      CHECK(owned.owner().epoch > epoch);
      CHECK(owned.owner().last == static_cast<core::CommitSeq>(round) * 50);
      epoch = owned.owner().epoch;
      for (int i = 0; i < 50; ++i) {
        const std::string key = std::to_string(round * 50 + i);
        const Sync sync = i % 5 == 0 ? Sync::synced : Sync::written;
        REQUIRE(owned.put(Table::batches, key, value_of_size(10'000), {.sync = sync}) ==
                Outcome::durable);
      }
      CHECK(owned.rows(Table::batches).size() == static_cast<std::size_t>(round + 1) * 50);
    }
    harness.restart();
  }
}

TEMPLATE_TEST_CASE("the disk's space is told", STORES) {
  TestType harness;
  const store::Space space = harness.store().space();
  CHECK(space.total_bytes > 0);
  CHECK(space.free_bytes <= space.total_bytes);
}

}  // namespace pawl::test
