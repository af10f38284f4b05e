#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

#include "bench/connection.h"

namespace pawl::bench {

struct BrokerSetup {
  std::filesystem::path program;    // pawld
  std::filesystem::path directory;  // Of its data; its log and port file lie beside it.
  std::vector<std::string> flags;
};

// A broker on loopback that ends with its owner.
class BrokerProcess {
 public:
  // Returns once it listens. Throws std::runtime_error when it does not.
  explicit BrokerProcess(const BrokerSetup& setup);
  ~BrokerProcess();
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;

  const Address& address() const { return address_; }
  pid_t pid() const { return pid_; }

  void stop();     // SIGTERM, and waits.
  void kill_it();  // SIGKILL, and waits.

 private:
  void spawn(const BrokerSetup& setup);
  void wait_for_port(const std::filesystem::path& file);
  void end(int signal);

  pid_t pid_ = 0;
  Address address_;
};

// What a process has used so far, user and system together.
double cpu_seconds_of(pid_t pid);
// Waits until it uses next to nothing, for at most 20 s.
void wait_until_idle(pid_t pid);

struct Memory {
  double resident_mib = 0;
  double peak_mib = 0;
};
Memory memory_of(pid_t pid);

}  // namespace pawl::bench
