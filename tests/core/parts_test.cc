#include <catch2/catch.hpp>

#include "broker/core/agenda.h"
#include "broker/core/id_filter.h"
#include "broker/core/job_state.h"
#include "broker/core/keys.h"
#include "broker/core/reads.h"
#include "broker/core/retry_policy.h"

using namespace pawl::core;

namespace {

Row row(std::string_view key, std::string_view value) {
  return {0, key, Blob::copy_of(value)};
}

BatchId id_at(std::uint64_t time_ms, std::uint64_t number) {
  return {(time_ms << 16) | 0x7000, (std::uint64_t{2} << 62) | (number << 12)};
}

}  // namespace

TEST_CASE("backoff doubles from its start to its cap and is never early", "[core][retry]") {
  Random random(3);
  JobOptions options;
  options.backoff = Milliseconds{1000};
  options.backoff_max = Milliseconds{10'000};
  const std::int64_t expected[] = {1000, 2000, 4000, 8000, 10'000, 10'000};
  for (std::uint32_t attempt = 1; attempt <= 6; ++attempt) {
    const auto wait = backoff(options, attempt, random).count();
    CHECK(wait >= expected[attempt - 1]);
    CHECK(wait <= expected[attempt - 1] * 12 / 10);
  }
}

TEST_CASE("final states lead nowhere, except a dead letter that is redriven", "[core][job_state]") {
  for (int to = 0; to < static_cast<int>(kJobStateCount); ++to) {
    CHECK(!may_become(JobState::completed, static_cast<JobState>(to)));
    CHECK(!may_become(JobState::cancelled, static_cast<JobState>(to)));
    CHECK(!may_become(static_cast<JobState>(to), JobState::none));
  }
  CHECK(may_become(JobState::failed, JobState::pending));
  CHECK(!may_become(JobState::scheduled, JobState::processing));
}

TEST_CASE("the id filter never calls a known id new", "[core][id_filter]") {
  IdFilter filter(1000, 4);
  CHECK(!filter.surely_new(id_at(1000, 1)));
  int called_new = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const BatchId id = id_at(2000 + i, i);
    if (filter.surely_new(id)) ++called_new;
    filter.insert(id);
    for (std::uint64_t known = i < 50 ? 0 : i - 50; known <= i; ++known) {
      REQUIRE(!filter.surely_new(id_at(2000 + known, known)));
    }
  }
  CHECK(called_new > 900);
}

TEST_CASE("the agenda keeps its near end in memory and pages in the rest", "[core][agenda]") {
  Agenda agenda(keys::AgendaClock::timeline, 8);
  auto page = agenda.wanted_page();
  REQUIRE(page);
  agenda.page({}, nullptr);
  CHECK(!agenda.wanted_page());
  for (std::uint64_t due = 1; due <= 20; ++due) {
    AgendaRecord record;
    agenda.put(keys::agenda(keys::AgendaClock::timeline, due * 10, id_at(1, due)), record);
    CHECK(agenda.size() <= 8);
  }
  CHECK(agenda.first_due_ms() == 10);
  CHECK(!agenda.take_due(9));
  std::uint64_t fired = 0;
  while (agenda.take_due(1000)) ++fired;
  CHECK(fired >= 4);
  page = agenda.wanted_page();
  REQUIRE(page);
  CHECK(agenda_due_ms(page->from) == (fired + 1) * 10);
}

TEST_CASE("a read behind another sees its answer after it, as of that moment", "[core][reads]") {
  Reads reads;
  std::vector<std::string> seen;
  const auto see = [&](const View& view) {
    for (const View::Row& row : view.rows)
      seen.push_back(row.key + "=" + std::string(row.value.view()));
  };
  Read read;
  read.ranges.push_back({Table::jobs, "a", "b"});
  const std::uint64_t first = reads.ask(read, see);
  read.ranges = {{Table::jobs, "b", "c"}};
  const std::uint64_t second = reads.ask(read, see, first);

  ReadAnswer early;
  early.id = second;
  early.rows = {row("b", "old")};
  Commit open;
  open.seq = 1;
  reads.answer(early, open);
  CHECK(seen.empty());
  open.put(Table::jobs, "b", "new");
  ReadAnswer answer;
  answer.id = first;
  answer.rows = {row("a", "first")};
  reads.answer(answer, open);
  auto next = reads.take_next();
  REQUIRE(next);
  reads.answer(std::move(*next), open);
  CHECK(seen == std::vector<std::string>{"a=first", "b=new"});
  CHECK(reads.in_flight() == 0);
}

TEST_CASE("a read sees what was committed after its answer was taken", "[core][reads]") {
  Reads reads;
  std::vector<std::string> seen;
  Read read;
  read.ranges.push_back({Table::jobs, "b", "f"});
  reads.ask(read, [&](View& view) {
    for (const View::Row& row : view.rows)
      seen.push_back(row.key + "=" + std::string(row.value.view()));
  });
  auto later = std::make_shared<Commit>();
  later->seq = 1;
  later->put(Table::jobs, "c", "new");
  later->put(Table::jobs, "z", "outside");
  later->put(Table::ready, "c", "other table");
  reads.sealed(later);
  Commit open;
  open.seq = 2;
  open.erase(Table::jobs, "b");
  open.put(Table::jobs, "d", "head", Blob::copy_of("tail"));

  ReadAnswer answer;
  answer.id = reads.take_questions().at(0).id;
  answer.as_of = 0;
  answer.rows = {row("b", "old"), row("c", "old"), row("e", "old")};
  reads.answer(answer, open);
  CHECK(seen == std::vector<std::string>{"c=new", "d=headtail", "e=old"});
}
