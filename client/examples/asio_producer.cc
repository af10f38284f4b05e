// The same calls in coroutines: a program of its own io_context enqueues jobs and watches over one
// of them.
//   example_asio_producer [TEXT]  PAWL_SERVER=pawl://host:port names the broker
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <pawl/asio.h>

using namespace std::chrono_literals;
namespace asio = boost::asio;

asio::awaitable<void> produce(pawl::Client& client, std::string text) {
  const auto options = pawl::Options().queue("text").header("traceparent", "00-example");
  const pawl::JobId id =
      co_await pawl::async_enqueue(client, "text.upper", text, options, asio::use_awaitable);
  std::cout << "accepted " << id.to_string() << "\n";

  const pawl::JobStatus job = co_await pawl::async_wait(client, id, 10s, asio::use_awaitable);
  if (pawl::is_final(job.state)) {
    std::cout << "it is " << pawl::name_of(job.state) << ": " << job.result << "\n";
    co_return;
  }
  const pawl::JobState state = co_await pawl::async_cancel(client, id, asio::use_awaitable);
  std::cout << "nobody works on it; now it is " << pawl::name_of(state) << "\n";
}

int main(int argc, char** argv) {
  const char* server = std::getenv("PAWL_SERVER");
  pawl::Client client(server != nullptr ? server : "pawl://127.0.0.1:7295");
  asio::io_context context;
  int status = 0;
  asio::co_spawn(context, produce(client, argc > 1 ? argv[1] : "hello"),
                 [&](std::exception_ptr failure) {
                   if (!failure) return;
                   try {
                     std::rethrow_exception(failure);
                   } catch (const std::exception& error) {
                     std::cerr << "error: " << error.what() << "\n";
                     status = 1;
                   }
                 });
  context.run();
  return status;
}
