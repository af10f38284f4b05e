#include <array>
#include <memory>

#include <catch2/catch.hpp>
#include <sys/resource.h>

#include "worker/run.h"
#include <pawl/exec.h>

namespace pawl {
namespace {

// No file can be opened while it lives.
class NoFiles {
 public:
  NoFiles() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoFiles() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoFiles(const NoFiles&) = delete;
  NoFiles& operator=(const NoFiles&) = delete;

 private:
  rlimit before_{};
};

TEST_CASE("a job whose program cannot be run for want of files is handed back, with a word",
          "[worker][process]") {
  std::vector<std::string> said;
  worker::Run run;
  run.surroundings = std::make_shared<worker::Surroundings>();
  run.surroundings->log = [&](LogLevel, std::string_view text) { said.emplace_back(text); };
  Context job(run);
  const Handler handler =
      exec_handler(ExecOptions({"/bin/sh", "-c", "exit 0"}).release_pause(Milliseconds(1)));
  {
    const NoFiles none;
    CHECK_THROWS_AS(handler(job), Release);
  }
  CHECK(said.size() == 1);
  CHECK_NOTHROW(handler(job));
}

}  // namespace
}  // namespace pawl
