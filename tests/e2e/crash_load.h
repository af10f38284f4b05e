#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/e2e/site.h"
#include "tests/support/e2e_history.h"
#include <pawl/worker.h>

namespace pawl::test {

// Producers and workers that go on while the broker is killed: batches of jobs that succeed, fail
// at first, fail for good, wait for their time, are cancelled, are forgotten soon. Everything is
// told to a history.
class CrashLoad {
 public:
  explicit CrashLoad(const Site& site);
  ~CrashLoad();

  const E2eHistory& history() const { return history_; }

  // Asks for every job that was accepted and notes what the broker says.
  void look(Client& client);
  // No more jobs; returns when all of them have ended and the broker's counts were compared with
  // the history. What is wrong, one sentence each.
  std::vector<std::string> finish(Client& client);

 private:
  void produce(const std::string& name);
  void produce_batch(Client& client, const std::string& name);
  std::unique_ptr<Worker> start_worker();
  void compare_counts(Client& client, std::vector<std::string>& wrong);

  const Site& site_;
  E2eHistory history_;
  std::atomic<bool> stop_{false};
  std::vector<std::future<void>> producers_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace pawl::test
