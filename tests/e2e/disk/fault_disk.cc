#include "tests/e2e/disk/fault_disk.h"

#include <cstring>
#include <stdexcept>
#include <string>

namespace pawl::test {
namespace {

std::filesystem::path control_file(const BrokerProcess& broker) {
  return broker.data_directory().parent_path() / "disk-control";
}

std::string variable(const char* name, const std::filesystem::path& value) {
  return std::string(name) + '=' + value.string();
}

}  // namespace

FaultDisk::FaultDisk(BrokerProcess& broker)
    : directory_(std::filesystem::canonical(broker.data_directory())),
      control_(map_control(control_file(broker).c_str())) {
  broker.set_variables({variable("LD_PRELOAD", PAWL_FAULT_PRELOAD),
                        variable(kFaultDirectory, directory_),
                        variable(kFaultControl, control_file(broker))});
  broker.stop();
  broker.start();
}

FaultDisk::~FaultDisk() {
  ::munmap(&control_, sizeof control_);
}

void FaultDisk::fail_sync(std::string_view of, std::uint32_t nth) {
  if (of.size() >= sizeof control_.fail_sync_of) throw std::invalid_argument("too long a name");
  std::memset(control_.fail_sync_of, 0, sizeof control_.fail_sync_of);
  of.copy(control_.fail_sync_of, of.size());
  control_.fail_sync = nth;
}

void FaultDisk::leave(std::uint64_t free_bytes, std::uint64_t total_bytes) {
  control_.capacity_bytes = bytes_taken(directory_) + free_bytes;
  control_.total_bytes = total_bytes;
}

std::uint64_t FaultDisk::free_bytes() const {
  const std::uint64_t taken = bytes_taken(directory_);
  const std::uint64_t capacity = control_.capacity_bytes;
  return capacity > taken ? capacity - taken : 0;
}

}  // namespace pawl::test
