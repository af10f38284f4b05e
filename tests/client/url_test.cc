#include "client/url.h"

#include <catch2/catch.hpp>

namespace pawl::client {
namespace {

TEST_CASE("a URL names a host and a port", "[client][url]") {
  const auto url = parse_url("pawl://broker:7000");
  REQUIRE(url);
  CHECK(url->servers == std::vector<Server>{{"broker", 7000}});
  CHECK(url->credentials.empty());
}

TEST_CASE("the port is 7295 when none is named", "[client][url]") {
  CHECK(parse_url("pawl://broker")->servers == std::vector<Server>{{"broker", 7295}});
  CHECK(parse_url("pawl://broker/")->servers == std::vector<Server>{{"broker", 7295}});
}

TEST_CASE("a URL may name several servers and credentials", "[client][url]") {
  const auto url = parse_url("pawl://to:k@n@a:1,[::1]:2,[fe80::1],10.0.0.1");
  REQUIRE(url);
  CHECK(url->credentials == "to:k@n");
  CHECK(url->servers ==
        std::vector<Server>{{"a", 1}, {"::1", 2}, {"fe80::1", 7295}, {"10.0.0.1", 7295}});
}

TEST_CASE("a URL that makes no sense is refused without naming the credentials", "[client][url]") {
  for (const char* text :
       {"", "broker:7295", "http://broker", "pawl://", "pawl://:7295",
        "pawl://broker:", "pawl://broker:0", "pawl://broker:65536", "pawl://broker:7295x",
        "pawl://a,,b", "pawl://a,", "pawl://[::1", "pawl://[]", "pawl://[::1]7295", "pawl://a/b",
        "pawl://a?b", "pawl://secret@", "pawl://::1"}) {
    INFO(text);
    const auto url = parse_url(text);
    REQUIRE_FALSE(url);
    CHECK(url.error().code() == Errc::invalid_argument);
    CHECK(url.error().message().find("secret") == std::string::npos);
  }
}

}  // namespace
}  // namespace pawl::client
