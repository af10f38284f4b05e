#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/broker_process.h"

namespace pawl::bench {

// Where the standard set runs: the programs, and a directory of its own on the disk to be measured.
class Site {
 public:
  struct Programs {
    std::filesystem::path pawld;
    std::filesystem::path rocks_loop;  // Empty: there is none.
  };

  // Makes a directory under `parent` and removes it in the end.
  Site(Programs programs, const std::filesystem::path& parent);
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  // A broker on an empty data directory; the one before must have ended.
  std::unique_ptr<BrokerProcess> fresh_broker(const std::vector<std::string>& flags = {});
  // A broker on the data that the last one left.
  std::unique_ptr<BrokerProcess> same_broker();

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path data() const { return directory_ / "data"; }

  // Processor seconds per 100,000 jobs of a bare RocksDB loop that writes the same bytes.
  std::optional<double> rocks_loop(std::size_t batch, std::uint64_t jobs) const;

 private:
  Programs programs_;
  std::filesystem::path directory_;
  std::vector<std::string> flags_;
};

}  // namespace pawl::bench
