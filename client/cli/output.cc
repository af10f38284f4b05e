#include "client/cli/output.h"

#include <cstdio>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <sys/ioctl.h>

#include "client/cli/command_error.h"
#include "client/cli/text.h"

namespace pawl::cli {
namespace {

constexpr std::size_t kWidthUnknown = 120;

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kWidthUnknown;
  return size.ws_col;
}

Format resolve(Format format, bool on_terminal) {
  if (format != Format::automatic) return format;
  return on_terminal ? Format::table : Format::tsv;
}

void write(std::string_view bytes) {
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size();
  if (!written) throw CommandError(ExitCode::failed, "stdout cannot be written to");
}

}  // namespace

Output::Output(Format format)
    : format_(resolve(format, isatty(STDOUT_FILENO) == 1)),
      on_terminal_(isatty(STDOUT_FILENO) == 1),
      width_(terminal_width()) {}

void Output::print(const Table& table) const {
  write(for_people() ? table.text(width_) : table.tsv());
}

void Output::print(const boost::json::value& value) const {
  write(boost::json::serialize(value) + "\n");
}

void Output::print_list(std::string_view name, boost::json::array elements) const {
  if (format_ == Format::jsonl) {
    for (const boost::json::value& element : elements) print(element);
    return;
  }
  boost::json::object object;
  object[name] = std::move(elements);
  print(boost::json::value(std::move(object)));
}

void Output::print_bytes(std::string_view bytes) const {
  if (!on_terminal_) return write(bytes);
  std::string text = printable(bytes);
  if (!text.empty() && text.back() != '\n') text += '\n';
  write(text);
}

void Output::print_line(std::string_view line) const {
  write(std::string(line) + "\n");
}

void Output::flush() const {
  if (std::fflush(stdout) != 0) throw CommandError(ExitCode::failed, "stdout cannot be written to");
}

void note(std::string_view line) {
  std::string text(line);
  text += '\n';
  std::fwrite(text.data(), 1, text.size(), stderr);
}

bool stderr_on_terminal() {
  return isatty(STDERR_FILENO) == 1;
}

}  // namespace pawl::cli
