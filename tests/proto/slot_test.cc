#include "proto/slot.h"

#include <set>
#include <string>

#include <catch2/catch.hpp>

namespace pawl::wire {
namespace {

// Part of the protocol: computed once with an independent program.
TEST_CASE("slots of queues are what they have always been", "[proto][slot]") {
  CHECK(slot_of("default", "default") == 753);
  CHECK(slot_of("default", "media") == 2046);
  CHECK(slot_of("acme", "media") == 574);
}

TEST_CASE("no namespace is the default one", "[proto][slot]") {
  CHECK(slot_of("", "media") == slot_of("default", "media"));
}

TEST_CASE("namespace and queue do not run into each other", "[proto][slot]") {
  CHECK(slot_of("a", "bc") != slot_of("ab", "c"));
}

TEST_CASE("queues spread over the slots", "[proto][slot]") {
  std::set<std::uint16_t> slots;
  for (int i = 0; i < 1000; ++i) slots.insert(slot_of("default", "queue-" + std::to_string(i)));
  CHECK(slots.size() > 800);
  CHECK(*slots.rbegin() < kSlots);
}

}  // namespace
}  // namespace pawl::wire
