#pragma once

#include <cstdint>
#include <string_view>

#include "tests/faults/preload/disk_control.h"
#include "tests/support/broker_process.h"

namespace pawl::test {

// The disk below a broker's data directory: it fails and is full as told, while the broker runs.
class FaultDisk {
 public:
  // Starts the broker again, on this disk.
  explicit FaultDisk(BrokerProcess& broker);
  ~FaultDisk();
  FaultDisk(const FaultDisk&) = delete;
  FaultDisk& operator=(const FaultDisk&) = delete;

  // The n-th sync from now on of a file with this in its name fails, and what it should have
  // brought to the disk is lost.
  void fail_sync(std::string_view of, std::uint32_t nth);
  std::uint32_t failed_syncs() const { return control_.failed_syncs; }

  // A disk of this size, on which the broker finds so much room: the rest is somebody else's.
  void leave(std::uint64_t free_bytes, std::uint64_t total_bytes);
  std::uint64_t free_bytes() const;
  std::uint32_t refused_writes() const { return control_.refused_writes; }

 private:
  const std::filesystem::path directory_;
  DiskControl& control_;
};

}  // namespace pawl::test
