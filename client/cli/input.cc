#include "client/cli/input.h"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include <sys/stat.h>

#include "client/cli/command_error.h"

namespace pawl::cli {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

std::string shown(const std::string& path) {
  return path == "-" ? "stdin" : path;
}

CommandError unreadable(const std::string& path, int error) {
  return usage_error(shown(path) + " cannot be read: " + std::generic_category().message(error));
}

// A file that is closed with its owner.
class File {
 public:
  explicit File(int number) : number_(number) {}
  ~File() { close(number_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

int open_input(const std::string& path) {
  const int file = path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                               : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw unreadable(path, errno);
  struct stat found {};
  if (fstat(file, &found) == 0 && S_ISDIR(found.st_mode)) {
    close(file);
    throw unreadable(path, EISDIR);
  }
  return file;
}

std::string read_input(const std::string& path) {
  const File file(open_input(path));
  std::string bytes;
  for (;;) {
    const std::size_t before = bytes.size();
    bytes.resize(before + kReadBytes);
    const ssize_t more = read(file.number(), bytes.data() + before, kReadBytes);
    const int error = errno;
    bytes.resize(before + static_cast<std::size_t>(more > 0 ? more : 0));
    if (more == 0) return bytes;
    if (more < 0 && error != EINTR) throw unreadable(path, error);
  }
}

}  // namespace pawl::cli
