#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <sys/mount.h>

#include "tests/e2e/site.h"

namespace pawl::test {
namespace {

// A disk in memory, of its own and of this size, gone with the object.
class SmallDisk {
 public:
  SmallDisk(const std::filesystem::path& at, unsigned mebibytes) : at_(at) {
    std::filesystem::create_directories(at_);
    const std::string size = fmt::format("size={}m", mebibytes);
    if (::mount("tmpfs", at_.c_str(), "tmpfs", 0, size.c_str()) == 0) return;
    why_not_ = std::strerror(errno);
  }
  ~SmallDisk() {
    if (why_not_.empty()) ::umount2(at_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  // Why there is none: not everybody may mount, nor may every container.
  const std::string& why_not() const { return why_not_; }

 private:
  std::filesystem::path at_;
  std::string why_not_;
};

bool is_there(const SmallDisk& disk) {
  if (disk.why_not().empty()) return true;
  WARN("SKIPPED: a small disk cannot be mounted here: " + disk.why_not());
  return false;
}

Finished start_on(const std::filesystem::path& directory, std::vector<std::string> flags) {
  std::vector<std::string> command{PAWL_PAWLD, "--listen", "127.0.0.1:0", "--data-dir",
                                   (directory / "data").string()};
  command.insert(command.end(), flags.begin(), flags.end());
  return run(std::move(command));
}

// Nothing when every one was taken.
std::optional<Error> enqueue_until_refused(Client& client, std::size_t jobs) {
  const std::vector<Job> batch(16,
                               Job("note", std::string(32 << 10, 'x'), Options().queue("main")));
  for (std::size_t sent = 0; sent < jobs; sent += batch.size()) {
    const auto answer = client.try_enqueue_many(batch, BatchMode::all_or_nothing,
                                                Deadline(std::chrono::milliseconds(500)));
    if (!answer) return answer.error();
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("a small disk that is filled by jobs refuses them and takes reports",
          "[e2e][small_disk]") {
  const TempDirectory directory;
  const SmallDisk disk(directory.path(), 128);
  if (!is_there(disk)) return;
  BrokerProcess broker(PAWL_PAWLD, directory.path(),
                       {"--min-free", "256MiB", "--write-buffer", "1MiB", "--storage-log", "4MiB"});
  Client client(ClientOptions().url(broker.url()).call_deadline(kSoon));

  const auto refusal = enqueue_until_refused(client, 64 << 10);

  REQUIRE(refusal);
  CHECK(refusal->code() == Errc::disk_full);
  ChildProcess worker({PAWL_PAWL, "--server", broker.address(), "worker", "exec", "--queue", "main",
                       "--concurrency", "4", "--", "/bin/sh", "-c", "cat > /dev/null"});
  const std::vector<std::string> queues{"main"};
  const auto deadline = std::chrono::steady_clock::now() + kSoon;
  while (client.queue_stats(queues).at(0).completed < 100) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
  }
  worker.signal(SIGTERM);
  CHECK(worker.wait(kSoon) == 0);
  CHECK(broker.stop() == 0);
}

TEST_CASE("a disk on which the store cannot work is refused at the start", "[e2e][small_disk]") {
  const TempDirectory directory;
  const SmallDisk disk(directory.path(), 100);
  if (!is_there(disk)) return;
  const Finished refused = start_on(directory.path(), {});

  CHECK(refused.status == 1);
  CHECK(refused.err.find("has only 100 MiB in all") != std::string::npos);
}

}  // namespace pawl::test
