// Enqueues one job for each argument, then a thousand at once, and waits for the first one's
// result. The example worker runs them.
//   example_producer [TEXT]...    PAWL_SERVER=pawl://host:port names the broker
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <pawl/client.h>

using namespace std::chrono_literals;

int main(int argc, char** argv) try {
  const char* server = std::getenv("PAWL_SERVER");
  pawl::Client client(server != nullptr ? server : "pawl://127.0.0.1:7295");

  // A single job: enqueue() returns when the broker has it on disk.
  const auto urgent = pawl::Options().queue("text").priority(9).max_attempts(5).retention(1h);
  const pawl::JobId first = client.enqueue("text.upper", argc > 1 ? argv[1] : "hello", urgent);
  std::cout << "accepted " << first.to_string() << "\n";

  // Many threads may call enqueue(); calls that come together share a frame. So do these futures.
  std::vector<std::future<pawl::JobId>> more;
  for (int i = 2; i < argc; ++i)
    more.push_back(client.future_enqueue("text.upper", argv[i], urgent));
  for (auto& id : more) std::cout << "accepted " << id.get().to_string() << "\n";

  // Many jobs: one call, as few frames as possible, a verdict for each.
  const auto later = pawl::Options().queue("text").delay(100ms);
  const std::vector<pawl::Job> jobs(1000, pawl::Job("text.upper", "from a batch", later));
  std::size_t accepted = 0;
  for (const pawl::Enqueued& one : client.enqueue_many(jobs)) accepted += one.accepted();
  std::cout << "accepted " << accepted << " of " << jobs.size() << " more\n";

  const pawl::JobStatus job = client.wait(first, 10s);
  std::cout << "the first is " << pawl::name_of(job.state) << ": " << job.result << "\n";
  return 0;
} catch (const pawl::Error& error) {
  std::cerr << "error: " << error.what() << " (" << pawl::name_of(error.code()) << ")\n";
  return 1;
}
