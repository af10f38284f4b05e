#include "broker/log.h"

#include <chrono>
#include <ctime>
#include <memory>
#include <unistd.h>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/formatter.h>
#include <spdlog/spdlog.h>

#include "broker/log_sink.h"
#include "proto/wire.h"

namespace pawl {
namespace {

bool is_control(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  return code < 0x20 || code == 0x7f;
}

// RFC 3339 in UTC, to the millisecond.
std::string time_of(std::chrono::system_clock::time_point at) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), since.count() % 1000);
}

class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    const auto level = spdlog::level::to_string_view(message.level);
    const std::string_view level_name(level.data(), level.size());
    const std::string at = time_of(message.time);
    if (format_ == LogFormat::json) {
      fmt::format_to(fmt::appender(out), R"({{"ts":"{}","level":"{}","msg":"{}"}})", at, level_name,
                     json_escaped(text));
    } else {
      fmt::format_to(fmt::appender(out), "{} {:<8} {}", at, level_name, escaped(text));
    }
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

 private:
  LogFormat format_;
};

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    if (is_control(byte)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    } else {
      out.push_back(byte);
    }
  }
  return out;
}

std::string json_escaped(std::string_view text) {
  if (!wire::valid_utf8(text)) return json_escaped("(not UTF-8)");
  std::string out;
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(byte);
    } else if (is_control(byte)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(byte));
    } else {
      out.push_back(byte);
    }
  }
  return out;
}

void set_up_log(const LogSettings& settings) {
  auto logger = std::make_shared<spdlog::logger>("pawld", std::make_shared<LogSink>(STDERR_FILENO));
  logger->set_formatter(std::make_unique<LineFormatter>(settings.format));
  logger->set_level(spdlog::level::from_str(settings.level));
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace pawl
