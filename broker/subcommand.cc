#include "broker/subcommand.h"

namespace pawl {

std::span<const Subcommand> subcommands() {
  return {};
}

}  // namespace pawl
