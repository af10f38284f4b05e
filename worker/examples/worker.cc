// A worker: runs jobs of two types, eight at once, until SIGTERM or Ctrl-C.
//   example_worker [URL]

#include <algorithm>
#include <cctype>
#include <iostream>
#include <string>

#include <pawl/worker.h>

int main(int argc, char** argv) try {
  pawl::ClientOptions connection;
  connection.url(argc > 1 ? argv[1] : "pawl://127.0.0.1:7295");
  connection.log([](pawl::LogLevel, std::string_view text) { std::clog << text << '\n'; });

  pawl::Worker worker(pawl::WorkerOptions().connection(connection).concurrency(8));
  worker.queue("critical").queue("default");  // The most important first.

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
