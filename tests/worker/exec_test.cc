#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <sys/resource.h>

#include "worker/file_descriptor.h"
#include "worker/run.h"
#include <pawl/exec.h>

namespace pawl {
namespace {

// A job whose program is run by hand.
struct Job {
  explicit Job(std::vector<std::string> command)
      : handler(exec_handler(ExecOptions(std::move(command)).release_pause(Milliseconds(1)))) {
    run.surroundings = std::make_shared<worker::Surroundings>();
    run.surroundings->log = [this](LogLevel, std::string_view text) { said.emplace_back(text); };
  }

  void operator()() {
    Context context(run);
    handler(context);
  }

  std::vector<std::string> said;
  worker::Run run;
  Handler handler;
};

#ifndef __SANITIZE_THREAD__  // It makes a fork of vfork, and so loses what the child says.
TEST_CASE("a job whose program is just being written is handed back, with a word",
          "[worker][process]") {
  const auto program =
      std::filesystem::temp_directory_path() / ("pawl-exec-" + std::to_string(getpid()));
  std::filesystem::copy_file("/bin/true", program,
                             std::filesystem::copy_options::overwrite_existing);
  Job job({program.string()});
  {
    const worker::FileDescriptor writing(open(program.c_str(), O_WRONLY | O_CLOEXEC));
    CHECK_THROWS_AS(job(), Release);
  }
  CHECK(job.said.size() == 1);
  CHECK_NOTHROW(job());
  std::filesystem::remove(program);
}
#endif

#ifndef __SANITIZE_ADDRESS__  // UBSan comes with it, and needs files itself.
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
  Job job({"/bin/sh", "-c", "exit 0"});
  {
    const NoFiles none;
    CHECK_THROWS_AS(job(), Release);
  }
  CHECK(job.said.size() == 1);
  CHECK_NOTHROW(job());
}
#endif

}  // namespace
}  // namespace pawl
