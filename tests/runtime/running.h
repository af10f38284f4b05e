#pragma once

#include <memory>
#include <utility>

#include "broker/store/memory_store.h"
#include "tests/runtime/loop_over.h"

namespace pawl::test {

struct MemoryBelow {
  store::MemoryStore memory;
};

// A loop over a memory store.
struct Running : MemoryBelow, LoopOver {
  explicit Running(store::Caps::Recovery recovery = store::Caps::Recovery::acquire)
      : Running(with(recovery)) {}
  explicit Running(std::unique_ptr<runtime::Clock> by) : LoopOver(memory, std::move(by)) {
    start();
  }
  explicit Running(const store::MemoryOptions& options)
      : MemoryBelow{store::MemoryStore(options)}, LoopOver(memory) {
    start();
  }

  static store::MemoryOptions with(store::Caps::Recovery recovery) {
    store::MemoryOptions options;
    options.caps.recovery = recovery;
    return options;
  }
};

}  // namespace pawl::test
