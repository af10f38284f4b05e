#include "broker/store/write_all.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <pthread.h>
#include <string>
#include <thread>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace pawl::test {

namespace {

std::atomic<int> signals{0};

// Whose calls are interrupted by SIGUSR1 as long as it lives.
class Interruptible {
 public:
  Interruptible() {
    struct sigaction action {};
    action.sa_handler = [](int) { ++signals; };
    ::sigaction(SIGUSR1, &action, &before_);
  }
  ~Interruptible() { ::sigaction(SIGUSR1, &before_, nullptr); }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  struct sigaction before_ {};
};

}  // namespace

TEST_CASE("a signal does not keep bytes from being written", "[store]") {
  const Interruptible interruptible;
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  const std::string bytes(1 << 20, 'b');  // More than a pipe holds: the writer waits.
  int failed = -1;
  std::atomic<bool> ended{false};
  std::thread writer([&] {
    failed = store::write_all(ends[1], bytes);
    ::close(ends[1]);
    ended = true;
  });
  // The first may find it still writing; those behind it find it waiting with nothing written.
  for (int sent = 0; sent < 50 && !ended; ++sent) {
    const int before = signals;
    ::pthread_kill(writer.native_handle(), SIGUSR1);
    while (signals == before && !ended) std::this_thread::yield();
  }
  std::string came;
  char page[4096];
  for (ssize_t size = 0; (size = ::read(ends[0], page, sizeof page)) > 0;) {
    came.append(page, static_cast<std::size_t>(size));
  }
  writer.join();
  ::close(ends[0]);
  CHECK(failed == 0);
  CHECK(came == bytes);
}

TEST_CASE("a write that fails tells why", "[store]") {
  CHECK(store::write_all(-1, "bytes") == EBADF);
}

}  // namespace pawl::test
