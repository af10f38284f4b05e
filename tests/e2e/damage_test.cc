#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/e2e/data_files.h"
#include "tests/e2e/site.h"
#include <pawl/worker.h>

namespace pawl::test {
namespace {

namespace fs = std::filesystem;

constexpr int kSmallBatches = 250;  // Several blocks of a table.
constexpr int kLargeJobs = 20;
constexpr std::chrono::milliseconds kBetweenLooks{5};

// A broker's directory with jobs of all sizes, and somebody who asks for each of them.
struct Filled {
  Filled() {
    for (int i = 0; i < kSmallBatches; ++i) enqueue({job(std::string(200, 's'))});
    enqueue(std::vector<Job>(kLargeJobs, job(std::string(16 << 10, 'l'))));
  }

  static Job job(const std::string& payload) {
    return Job("note", payload, Options().queue("main"));
  }
  void enqueue(const std::vector<Job>& jobs) {
    const auto answers = site.client.enqueue_many(jobs, BatchMode::all_or_nothing);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      ids.push_back(answers.at(i).id);
      payloads[ids.back()] = jobs[i].payload;
    }
  }

  // Stops it, with nothing in the log. What is in the directory then can be had again.
  void into_tables() {
    REQUIRE(site.broker.stop() == 0);
    site.broker.start();
    REQUIRE(site.broker.stop() == 0);
    fs::copy(site.data(), site.path("kept"), fs::copy_options::recursive);
  }
  void restore() const {
    fs::remove_all(site.data());
    fs::copy(site.path("kept"), site.data(), fs::copy_options::recursive);
  }

  // Each of these starts the broker, which serves all jobs as they were, or has ended instead.
  enum class End : std::uint8_t { served, ended, wrong };
  End get_all() {
    site.broker.launch({});
    Client client(site.options());
    auto answer = client.future_get_many(ids, View::full);
    while (!site.broker.process().wait(kBetweenLooks)) {
      if (answer.wait_for(kBetweenLooks) != std::future_status::ready) continue;
      for (const JobStatus& job : answer.get()) {
        if (!job.found() || job.job->payload != payloads.at(job.id)) return End::wrong;
      }
      return End::served;
    }
    return End::ended;
  }
  // By a worker that is there until it is dismissed: it waits some seconds for a broker to hear it.
  End fetch_all() {
    site.broker.launch({});
    ran = 0;
    worker = std::make_unique<Worker>(WorkerOptions().connection(site.options()));
    worker->queue("main").on("note", [this](Context& job) {
      if (job.payload() != payloads.at(job.id())) ++wrong;
      ++ran;
    });
    worker->start();
    bool ended = false;
    while (!ended && ran < ids.size()) {
      ended = site.broker.process().wait(kBetweenLooks).has_value();
    }
    if (wrong != 0) return End::wrong;
    return ended ? End::ended : End::served;
  }

  Site site;
  std::vector<JobId> ids;
  std::map<JobId, std::string> payloads;
  std::atomic<std::size_t> ran{0};
  std::atomic<std::size_t> wrong{0};
  std::unique_ptr<Worker> worker;
};

// How somebody who reads the log finds the file. Of a blob RocksDB says only that it is one.
std::string told_name(const fs::path& file) {
  return file.extension() == ".blob" ? "lob " : file.filename().string();
}

// The file's middle is damaged: the broker ends over it and says so, or serves what is right, if it
// needs nothing of the damaged block, and fsck says so. Mended it serves all.
Filled::End check_damaged(Filled& filled, const fs::path& file, Filled::End (Filled::*ask)()) {
  CAPTURE(file);
  const std::uintmax_t middle = fs::file_size(file) / 2;
  flip_bytes(file, middle);
  const Filled::End end = (filled.*ask)();
  CHECK(end != Filled::End::wrong);
  std::string told = filled.site.broker.log();
  if (end == Filled::End::ended) {
    CHECK(filled.site.broker.process().wait(kSoon) == 1);
  } else {
    CHECK(filled.site.broker.stop() == 0);
    told = filled.site.pawld({"fsck", filled.site.data()}).out;
  }
  CAPTURE(told);
  CHECK(told.find(told_name(file)) != std::string::npos);

  flip_bytes(file, middle);
  CHECK(filled.get_all() == Filled::End::served);
  filled.worker.reset();
  CHECK(filled.site.broker.stop() == 0);
  return end;
}

}  // namespace

TEST_CASE("a broker whose table or blob file is damaged ends and says which, and loses nothing",
          "[e2e][damage]") {
  Filled filled;
  filled.into_tables();
  std::vector<fs::path> files = data_files(filled.site.data(), ".sst");
  REQUIRE(files.size() > 3);
  files.push_back(data_files(filled.site.data(), ".blob").at(0));
  int ended = 0;
  for (const fs::path& file : files) {
    filled.restore();
    if (check_damaged(filled, file, &Filled::get_all) == Filled::End::ended) ++ended;
  }
  CHECK(ended > 3);
}

TEST_CASE("no worker gets a damaged job", "[e2e][damage]") {
  Filled filled;
  filled.into_tables();
  for (const char* kind : {".sst", ".blob"}) {
    filled.restore();
    const fs::path file = data_files(filled.site.data(), kind).at(0);
    CHECK(check_damaged(filled, file, &Filled::fetch_all) == Filled::End::ended);
  }
}

TEST_CASE("a broker whose log is damaged refuses to start and says where, and loses nothing",
          "[e2e][damage]") {
  Filled filled;
  filled.site.broker.kill();
  const fs::path log = data_files(filled.site.data(), ".log").at(0);
  REQUIRE(fs::file_size(log) > 100'000);

  CHECK(check_damaged(filled, log, &Filled::get_all) == Filled::End::ended);
}

}  // namespace pawl::test
