#include "client/lookup.h"

#include <future>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <catch2/catch.hpp>

namespace pawl::client {
namespace {

using boost::system::error_code;

TEST_CASE("a lookup calls back on the context's thread", "[client][lookup]") {
  boost::asio::io_context context;
  const auto work = boost::asio::make_work_guard(context);
  std::thread::id called_on;
  const auto lookup = Lookup::start(
      context, [](error_code&) { return Lookup::Addresses(); },
      [&](error_code failure, const Lookup::Addresses&) {
        CHECK_FALSE(failure);
        called_on = std::this_thread::get_id();
      });
  context.run_one();
  lookup->cancel();
  CHECK(called_on == std::this_thread::get_id());
}

TEST_CASE("a lookup that hangs holds nobody up, and is heard of no more", "[client][lookup]") {
  std::promise<void> hang;
  bool called = false;
  {
    boost::asio::io_context context;
    const auto lookup = Lookup::start(
        context,
        [hung = hang.get_future().share()](error_code&) {
          hung.wait();
          return Lookup::Addresses();
        },
        [&](error_code, const Lookup::Addresses&) { called = true; });
    lookup->cancel();
  }
  hang.set_value();
  CHECK_FALSE(called);
}

}  // namespace
}  // namespace pawl::client
