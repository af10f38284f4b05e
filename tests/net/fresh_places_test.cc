#include "broker/net/fresh_places.h"

#include <catch2/catch.hpp>

namespace pawl::net {
namespace {

FreshPlaces::Address address(const char* text) {
  return boost::asio::ip::make_address(text);
}

TEST_CASE("one address has half of the places before hello", "[net][fresh_places]") {
  FreshPlaces places;
  const char* greedy = GENERATE("10.0.0.1", "2001:db8::1");
  CHECK(places.take(address(greedy), 5));
  CHECK(places.take(address(greedy), 5));
  CHECK_FALSE(places.take(address(greedy), 5));
  CHECK(places.take(address("10.0.0.2"), 5));
  CHECK(places.take(address("10.0.0.3"), 5));
  CHECK(places.take(address("10.0.0.4"), 5));
  CHECK_FALSE(places.take(address("10.0.0.5"), 5));

  places.give_back(address(greedy));
  CHECK(places.take(address("10.0.0.5"), 5));
  places.give_back(address(greedy));
  CHECK(places.take(address(greedy), 5));
}

TEST_CASE("an IPv6 network counts as one address, a mapped IPv4 address as itself",
          "[net][fresh_places]") {
  FreshPlaces places;
  CHECK(places.take(address("2001:db8::1"), 4));
  CHECK(places.take(address("2001:db8::2"), 4));
  CHECK_FALSE(places.take(address("2001:db8:0:0:ffff::3"), 4));
  CHECK(places.take(address("2001:db8:0:1::1"), 4));
  places.give_back(address("2001:db8::3"));

  CHECK(places.take(address("::ffff:10.0.0.1"), 4));
  places.give_back(address("10.0.0.1"));
}

TEST_CASE("a single place can be had by anybody", "[net][fresh_places]") {
  FreshPlaces places;
  CHECK(places.take(address("10.0.0.1"), 1));
  CHECK_FALSE(places.take(address("10.0.0.1"), 1));
}

}  // namespace
}  // namespace pawl::net
