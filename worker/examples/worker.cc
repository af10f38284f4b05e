// A worker: runs the example producers' jobs and those of a second type, eight at once, until
// SIGTERM or Ctrl-C.
//   example_worker                PAWL_SERVER=pawl://host:port names the broker
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <string>

#include <pawl/worker.h>

int main() try {
  const char* server = std::getenv("PAWL_SERVER");
  pawl::ClientOptions connection;
  connection.url(server != nullptr ? server : "pawl://127.0.0.1:7295");
  connection.log([](pawl::LogLevel, std::string_view text) { std::clog << text << '\n'; });

  pawl::Worker worker(pawl::WorkerOptions().connection(connection).concurrency(8));
  worker.queue("critical").queue("text");  // The most important first.

  // What a handler returns is the job's result; the job is then done for good.
  worker.on("text.upper", [](pawl::Context& job) {
    std::string text = job.payload();
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
  });

  // An exception fails the attempt: it is run again after a while, until it is out of attempts. One
  // after a stop ends the job as cancelled, counts as too slow, or when draining hands it back.
  worker.on("number.sum", [](pawl::Context& job) -> pawl::Output {
    long sum = 0;
    for (std::size_t at = 0; at < job.payload().size();) {
      if (job.stop_requested())
        throw pawl::Fail("stopped", std::string(name_of(job.stop_reason())));
      std::size_t digits = 0;
      sum += std::stol(job.payload().substr(at), &digits);
      at += digits + 1;
    }
    return {std::to_string(sum), "text/plain"};
  });

  return worker.run_until_signal();
} catch (const pawl::Error& error) {
  std::cerr << "error: " << error.what() << '\n';
  return 1;
}
