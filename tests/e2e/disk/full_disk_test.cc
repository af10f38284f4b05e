#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/e2e/crash_load.h"
#include "tests/e2e/disk/fault_disk.h"

namespace pawl::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kDisk = 8 * 1024 * kMiB;
constexpr std::uint64_t kPlenty = 1024 * kMiB;
constexpr std::uint64_t kBelowMinFree = 100 * kMiB;
constexpr std::uint64_t kBelowReserve = 32 * kMiB;
constexpr std::size_t kHeld = 12;

// So small that flushes and compactions take part.
std::vector<std::string> flags(const char* min_free) {
  return {"--min-free", min_free, "--write-buffer", "1MiB", "--storage-log", "4MiB"};
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Asks the broker something as often as it takes.
template <class Done>
void wait_until(const Done& done) {
  const auto deadline = std::chrono::steady_clock::now() + kSoon;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline) FAIL("it takes too long");
  }
}

void wait_for_log(Site& site, std::string_view text) {
  wait_until([&] {
    site.client.ping();
    return contains(site.broker.log(), text);
  });
}

// Jobs of which a worker holds as many as it can, each until it may end.
class HeldJobs {
 public:
  explicit HeldJobs(Site& site) : site_(site), worker_(options(site)) {
    worker_.queue("main").on("note", [this](Context& job) { hold(job); });
    worker_.start();
  }
  ~HeldJobs() { let_end(SIZE_MAX); }

  // A refusal is told when the client has no time left to try again.
  Result<JobId> enqueue() {
    const std::string payload = fmt::format("job {}", ++enqueued_);
    history_.attempted(payload);
    Result<JobId> id = site_.client.try_enqueue("note", payload, Options().queue("main"),
                                                Deadline(std::chrono::milliseconds(200)));
    if (id) history_.accepted(payload, id->to_string());
    if (id) jobs_.push_back(*id);
    return id;
  }
  void wait_until_held(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, kSoon, [&] { return began_ == count; }));
  }
  void let_end(std::size_t count) {
    const std::lock_guard lock(mutex_);
    may_end_ = count;
    changed_.notify_all();
  }
  // Until this job, counted in the order of acceptance, has ended.
  JobState end_of(std::size_t index) { return site_.client.wait(jobs_.at(index), kSoon).state; }
  // After the end of all of them.
  std::vector<std::string> verdict() {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      const JobStatus job = site_.client.wait(jobs_[i], kSoon);
      history_.seen(job.job->payload, job.id.to_string(), name_of(job.state));
    }
    return history_.verdict();
  }

 private:
  static WorkerOptions options(const Site& site) {
    return WorkerOptions().connection(site.options()).concurrency(kHeld);
  }
  void hold(Context& job) {
    history_.began(job.payload(), job.id().to_string(), job.fencing_token());
    std::unique_lock lock(mutex_);
    const std::size_t place = began_++;
    changed_.notify_all();
    changed_.wait(lock, [&] { return place < may_end_; });
    history_.ended(job.payload(), job.fencing_token());
  }

  Site& site_;
  E2eHistory history_;
  std::size_t enqueued_ = 0;
  std::vector<JobId> jobs_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t began_ = 0;
  std::size_t may_end_ = 0;
  Worker worker_;
};

// Enqueues until the disk is too full for it.
Error refusal_of(HeldJobs& jobs) {
  std::optional<Error> refusal;
  wait_until([&] {
    const Result<JobId> id = jobs.enqueue();
    if (!id) refusal = id.error();
    return refusal && refusal->code() == Errc::disk_full;
  });
  return *refusal;
}

// Enqueues large jobs as fast as it can until the disk is too full for them.
void flood(const Site& site, const char* queue) {
  Client client(site.options().call_deadline(std::chrono::milliseconds(500)));
  const Job job("note", std::string(24 << 10, 'p'), Options().queue(queue));
  const std::vector<Job> jobs(64, job);
  const auto deadline = std::chrono::steady_clock::now() + kSoon;
  for (;;) {
    const auto answer = client.try_enqueue_many(jobs, BatchMode::all_or_nothing);
    if (!answer && answer.error().code() == Errc::disk_full) return;
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("it is not refused");
  }
}

}  // namespace

TEST_CASE("a full disk refuses new jobs and takes completions, until there is room again",
          "[e2e][disk]") {
  Site site(flags("128MiB"));
  FaultDisk disk(site.broker);
  const std::filesystem::path reserve = site.broker.data_directory() / "reserve";
  HeldJobs jobs(site);
  for (std::size_t i = 0; i < kHeld; ++i) REQUIRE(jobs.enqueue());
  jobs.wait_until_held(kHeld);
  REQUIRE(std::filesystem::exists(reserve));

  disk.leave(kBelowMinFree, kDisk);
  const Error refusal = refusal_of(jobs);
  CHECK(refusal.message() == "the broker's disk is nearly full; it takes no new jobs");
  CHECK(refusal.retryable());
  CHECK(refusal.retry_after() == std::chrono::seconds(5));
  const Finished told = site.pawl({"--timeout", "500ms", "enqueue", "note", "payload"});
  CHECK(told.status == 6);
  CHECK(contains(told.err, refusal.message()));
  const Finished status = site.pawl({"status"});
  CHECK(status.status == 0);
  CHECK(contains(status.out, fmt::format("processing\t{}\n", kHeld)));
  CHECK(contains(site.broker.log(), "the disk is nearly full"));

  jobs.let_end(kHeld / 2);
  CHECK(jobs.end_of(0) == JobState::completed);

  disk.leave(kBelowReserve, kDisk);
  wait_for_log(site, "gave up the reserve");
  CHECK_FALSE(std::filesystem::exists(reserve));
  jobs.let_end(kHeld);
  for (std::size_t i = 0; i < kHeld; ++i) CHECK(jobs.end_of(i) == JobState::completed);
  refusal_of(jobs);

  disk.leave(kPlenty, kDisk);
  wait_until([&] { return jobs.enqueue().has_value(); });
  CHECK(contains(site.broker.log(), "the disk has room again"));
  wait_until([&] { return site.client.ping(), std::filesystem::exists(reserve); });
  jobs.let_end(SIZE_MAX);
  CHECK(jobs.verdict() == std::vector<std::string>{});
  CHECK(disk.refused_writes() == 0);
  CHECK(site.broker.stop() == 0);
}

TEST_CASE("jobs that come as fast as they can are refused before the disk is full", "[e2e][disk]") {
  Site site(flags("32MiB"));
  FaultDisk disk(site.broker);
  disk.leave(40 * kMiB, kDisk);

  std::vector<std::future<void>> producers;
  for (const char* queue : {"a", "b", "c", "d"}) {
    producers.push_back(std::async(std::launch::async, flood, std::cref(site), queue));
  }
  for (auto& producer : producers) CHECK_NOTHROW(producer.get());

  CHECK(disk.refused_writes() == 0);
  site.client.ping();
  CHECK(site.broker.stop() == 0);
}

TEST_CASE("a disk without any room stops the broker, which says so and starts once there is some",
          "[e2e][disk]") {
  Site site(flags("0MiB"));
  FaultDisk disk(site.broker);
  CrashLoad load(site);

  // A reserve that the broker gives up meanwhile goes as well.
  std::optional<int> status;
  wait_until([&] {
    disk.leave(0, kDisk);
    status = site.broker.process().wait(std::chrono::milliseconds(100));
    return status.has_value();
  });
  CHECK(status == 1);
  CHECK(disk.refused_writes() != 0);
  CAPTURE(site.broker.log());
  CHECK(contains(site.broker.log(), "No space left on device"));
  CHECK(contains(site.broker.log(), "start again to read what is on the disk"));

  std::filesystem::remove(site.broker.data_directory() / "reserve");
  disk.leave(0, kDisk);
  site.broker.launch({});
  CHECK(site.broker.process().wait(kSoon) == 1);
  CAPTURE(site.broker.log());
  CHECK(contains(site.broker.log(), "No space left on device"));

  disk.leave(kPlenty, kDisk);
  site.broker.start();
  CHECK(load.finish(site.client) == std::vector<std::string>{});
  CHECK(site.broker.stop() == 0);
}

}  // namespace pawl::test
