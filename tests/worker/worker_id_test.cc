#include "worker/worker_id.h"

#include <string>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/worker/scripted_broker.h"
#include <pawl/worker.h>

namespace pawl::worker {
namespace {

TEST_CASE("a worker's id is 1 to 128 of a few characters", "[worker][id]") {
  CHECK(is_worker_id("A-z_0.9:1"));
  CHECK(is_worker_id(std::string(128, 'w')));
  CHECK_FALSE(is_worker_id(std::string(129, 'w')));
  CHECK_FALSE(is_worker_id(""));
  for (const char* odd : {"a b", "a/b", "a@b", "a\n", "h\xc3\xa9", "w\x7f", "[::1]"}) {
    INFO(odd);
    CHECK_FALSE(is_worker_id(odd));
  }
  CHECK_FALSE(is_worker_id(std::string("a\0b", 3)));
}

TEST_CASE("every host gives a legal worker's id that ends in the pid", "[worker][id]") {
  CHECK(default_worker_id("box-1.example.org", 42) == "box-1.example.org:42");
  CHECK(default_worker_id("ada's box", 42) == "ada_s_box:42");
  CHECK(default_worker_id("b\xc3\xbc"
                          "ro",
                          42) == "b__ro:42");
  CHECK(default_worker_id("", 42) == ":42");
  CHECK(default_worker_id(std::string(200, 'h'), 4'194'304) == fmt::format("{:h>120}:4194304", ""));
  for (const std::string& host : {std::string(200, '\xff'), std::string(128, 'h'), std::string()}) {
    CHECK(is_worker_id(default_worker_id(host, 1)));
  }
}

TEST_CASE("a worker without an id says one of host and pid", "[worker][id]") {
  test::ScriptedBroker broker;
  Worker worker(broker.broker.url());
  worker.default_handler([](Context&) {});
  worker.start();
  REQUIRE(broker.wait([](const auto& requests) { return !requests.empty(); }));
  const pb::WorkerHello hello = broker.broker.hellos().front().worker();
  CHECK(hello.worker_id() == default_worker_id(hello.host(), getpid()));
}

TEST_CASE("a worker refuses an id that no broker takes before it starts", "[worker][id]") {
  const auto code_with = [](const std::string& id) {
    try {
      const Worker worker(WorkerOptions().worker_id(id));
      return Errc::ok;
    } catch (const Error& error) {
      CHECK(error.message().find("id") != std::string::npos);
      return error.code();
    }
  };
  CHECK(code_with("") == Errc::ok);
  CHECK(code_with("rack-3:gpu_0.a") == Errc::ok);
  CHECK(code_with("rack 3") == Errc::invalid_argument);
  CHECK(code_with(std::string(129, 'w')) == Errc::invalid_argument);
}

}  // namespace
}  // namespace pawl::worker
