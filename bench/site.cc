#include "bench/site.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace pawl::bench {

namespace fs = std::filesystem;

Site::Site(Programs programs, const fs::path& parent) : programs_(std::move(programs)) {
  std::string name = (fs::absolute(parent) / "pawl-bench.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  directory_ = name;
}

Site::~Site() {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

std::unique_ptr<BrokerProcess> Site::fresh_broker(const std::vector<std::string>& flags) {
  fs::remove_all(data());
  flags_ = flags;
  return same_broker();
}

std::unique_ptr<BrokerProcess> Site::same_broker() {
  return std::make_unique<BrokerProcess>(
      BrokerSetup{.program = programs_.pawld, .directory = data(), .flags = flags_});
}

std::optional<double> Site::rocks_loop(std::size_t batch, std::uint64_t jobs) const {
  if (programs_.rocks_loop.empty()) return std::nullopt;
  const fs::path directory = directory_ / "rocks_loop";
  const std::string command =
      fmt::format("'{}' --dir '{}' --batch {} --jobs {}", programs_.rocks_loop.string(),
                  directory.string(), batch, jobs);
  std::FILE* const pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  std::string line;
  std::array<char, 4096> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) line = buffer.data();
  const int status = ::pclose(pipe);
  fs::remove_all(directory);
  if (status != 0) throw std::runtime_error("failed: " + command);
  return boost::json::parse(line).at("cpu_s_per_100k").to_number<double>();
}

}  // namespace pawl::bench
