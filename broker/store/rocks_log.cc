#include "broker/store/rocks_log.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <utility>

#include <rocksdb/env.h>

namespace pawl::store {

namespace {

constexpr std::size_t kLineBytesMax = 1024;

class RocksLog final : public rocksdb::Logger {
 public:
  explicit RocksLog(std::function<void(std::string_view)> note)
      : Logger(rocksdb::InfoLogLevel::ERROR_LEVEL), note_(std::move(note)) {}

  void LogHeader(const char*, va_list) override {}
  void Logv(const char* format, va_list values) override {
    std::array<char, kLineBytesMax> line;
    if (std::vsnprintf(line.data(), line.size(), format, values) < 0) return;
    note_(std::string("RocksDB: ") + line.data());
  }
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list values) override {
    const bool told = level >= GetInfoLogLevel() && level != rocksdb::InfoLogLevel::HEADER_LEVEL;
    if (told) Logv(format, values);
  }

 private:
  const std::function<void(std::string_view)> note_;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> make_rocks_log(std::function<void(std::string_view)> note) {
  return std::make_shared<RocksLog>(std::move(note));
}

}  // namespace pawl::store
