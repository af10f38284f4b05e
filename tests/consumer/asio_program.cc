// A program with an Asio of its own: header-only and with its deprecated parts, as Boost comes.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include <boost/asio.hpp>
#include <pawl/asio.h>

#ifdef BOOST_ASIO_SEPARATE_COMPILATION
#error "Pawl decides how its user's Asio is compiled"
#endif

namespace asio = boost::asio;

asio::awaitable<void> produce(pawl::Client& client) {
  const auto options = pawl::Options().queue("text");
  const pawl::JobId id =
      co_await pawl::async_enqueue(client, "text.upper", "asio", options, asio::use_awaitable);
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(1));
  co_await timer.async_wait(asio::use_awaitable);
  const pawl::JobStatus job =
      co_await pawl::async_wait(client, id, std::chrono::seconds(30), asio::use_awaitable);
  std::cout << pawl::name_of(job.state) << ": " << job.result << "\n";
}

int main() {
  pawl::Client client(std::getenv("PAWL_SERVER_URL"));
  asio::thread_pool pool(2);
  asio::co_spawn(pool, produce(client), asio::use_future).get();
  const auto pong = pawl::async_ping(client, asio::use_future).get();
  return pong.server_version.empty() ? 1 : 0;
}
