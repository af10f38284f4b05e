#include "bench/sdk_load.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>

#include "bench/clock.h"
#include "bench/enqueue_frame.h"
#include "bench/ledger.h"
#include "bench/random.h"
#include <pawl/client.h>
#include <pawl/worker.h>

namespace pawl::bench {
namespace {

constexpr std::size_t kBatch = 100;
constexpr std::size_t kInFlight = 8;
constexpr unsigned kConcurrency = 100;
constexpr std::chrono::minutes kStuck{2};

double own_cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::string url_of(const Address& address) {
  return fmt::format("pawl://{}:{}", address.host, address.port);
}

std::string payload_of(std::uint64_t number, RandomBytes& random) {
  std::string payload(kPayloadBytes, '\0');
  const Mark mark{.number = number};
  std::memcpy(payload.data(), &mark, sizeof(mark));
  random.fill(payload.data() + sizeof(mark), payload.size() - sizeof(mark));
  return payload;
}

void expect_accepted(std::future<std::vector<Enqueued>> reply) {
  for (const Enqueued& job : reply.get()) {
    if (!job.accepted()) throw std::runtime_error("a job was not accepted: " + job.message);
  }
}

void enqueue_all(Client& client, const std::string& queue, std::uint64_t jobs) {
  RandomBytes random(fresh_seed());
  const Options options = Options().queue(queue);
  std::deque<std::future<std::vector<Enqueued>>> in_flight;
  for (std::uint64_t first = 0; first < jobs; first += kBatch) {
    std::vector<Job> batch;
    batch.reserve(kBatch);
    for (std::size_t i = 0; i < kBatch; ++i) {
      batch.emplace_back(std::string(kJobType), payload_of(first + i, random), options);
    }
    in_flight.push_back(
        client.future_enqueue_many(batch, BatchMode::all_or_nothing, std::chrono::minutes(1)));
    if (in_flight.size() < kInFlight) continue;
    expect_accepted(std::move(in_flight.front()));
    in_flight.pop_front();
  }
  for (auto& reply : in_flight) expect_accepted(std::move(reply));
}

// Counts what the handlers were given; they run on many threads.
class HandlersLedger {
 public:
  explicit HandlersLedger(std::uint64_t jobs) : ledger_(jobs) {}

  void record(std::string_view payload) {
    const std::lock_guard lock(mutex_);
    ledger_.record(mark_of(payload).number);
    if (ledger_.lost() == 0) all_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    all_.wait_for(lock, kStuck, [&] { return ledger_.lost() == 0; });
  }
  void check() const {
    if (ledger_.lost() + ledger_.doubled() + ledger_.foreign() == 0) return;
    throw std::runtime_error(fmt::format("of {} jobs {} were lost and {} doubled", ledger_.jobs(),
                                         ledger_.lost(), ledger_.doubled()));
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_;
  Ledger ledger_;
};

void drain_all(const Address& address, const std::string& queue, std::uint64_t jobs) {
  HandlersLedger ledger(jobs);
  WorkerOptions options;
  options.connection(ClientOptions().url(url_of(address))).concurrency(kConcurrency);
  pawl::Worker worker(options);
  worker.queue(queue).on(std::string(kJobType),
                         [&](Context& context) { ledger.record(context.payload()); });
  worker.start();
  ledger.wait();
  worker.stop(std::chrono::seconds(10));
  ledger.check();
}

}  // namespace

SdkFigures run_sdk(const Address& address, const std::string& queue, std::uint64_t jobs) {
  const double cpu_before = own_cpu_seconds();
  const auto began = Clock::now();
  {
    Client client(url_of(address));
    enqueue_all(client, queue, jobs);
  }
  const double cpu_between = own_cpu_seconds();
  const auto filled = Clock::now();
  drain_all(address, queue, jobs);
  const auto ended = Clock::now();
  return {.enqueue_per_s = static_cast<double>(jobs) / seconds_between(began, filled),
          .drain_per_s = static_cast<double>(jobs) / seconds_between(filled, ended),
          .enqueue_cpu_s = cpu_between - cpu_before,
          .drain_cpu_s = own_cpu_seconds() - cpu_between};
}

}  // namespace pawl::bench
