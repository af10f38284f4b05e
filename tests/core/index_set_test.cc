#include "broker/core/index_set.h"

#include <set>

#include <catch2/catch.hpp>

#include "broker/core/bytes_io.h"
#include "broker/core/random.h"

using namespace pawl::core;

namespace {

std::set<JobIndex> members(const IndexSet& set) {
  std::set<JobIndex> found;
  set.for_each([&](JobIndex index) { found.insert(index); });
  return found;
}

}  // namespace

TEST_CASE("an index set behaves like a set, whatever is done to it", "[core][index_set]") {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    IndexSet set;
    std::set<JobIndex> model;
    for (int step = 0; step < 60; ++step) {
      const auto begin = static_cast<JobIndex>(random.next() % 100);
      const auto size = static_cast<JobIndex>(random.next() % 8);
      if (random.next() % 3 != 0) {
        set.insert_range({begin, static_cast<JobIndex>(begin + size)});
        for (JobIndex i = 0; i < size; ++i) model.insert(static_cast<JobIndex>(begin + i));
      } else {
        set.erase(IndexSet::range(begin, begin + std::size_t{size}));
        for (JobIndex i = 0; i < size; ++i) model.erase(static_cast<JobIndex>(begin + i));
      }
      REQUIRE(members(set) == model);
      REQUIRE(set.count() == model.size());
      REQUIRE(set.contains(begin) == (model.count(begin) != 0));
    }
    std::string bytes;
    Writer(bytes).indexes(set);
    Reader reader(bytes);
    REQUIRE(reader.indexes() == set);
    REQUIRE(reader.at_end());

    IndexSet rest = set;
    const IndexSet taken = rest.take_first(5);
    CHECK(taken.count() == std::min<std::size_t>(5, set.count()));
    CHECK(!taken.intersects(rest));
    CHECK(set.common(taken) == taken);
    CHECK(set.includes(taken));
    CHECK(set.count_common(rest) == rest.count());
  }
}

TEST_CASE("bytes that are no index set are refused", "[core][index_set]") {
  for (const std::string& bytes :
       {std::string("\x01"), std::string("\x01\x05"), std::string("\x01\xff\x7f\x05"),
        std::string("\x01\x05\x00", 3)}) {
    Reader reader(bytes);
    reader.indexes();
    CHECK(!reader.ok());
  }
}
