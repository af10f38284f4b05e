#include "broker/subcommand.h"

#include "broker/fsck_command.h"
#include "broker/inspect.h"

namespace pawl {
namespace {

constexpr Subcommand kSubcommands[] = {
    {.name = "inspect",
     .arguments = "DIR",
     .help = "what a stopped broker's data directory holds: exit 0, 1 damaged, 2 in use or none",
     .run = inspect},
    {.name = "fsck",
     .arguments = "DIR",
     .help = "whether it can be read and agrees: exit 0 clean, 1 not, 2 in use or none",
     .run = fsck},
};

}  // namespace

std::span<const Subcommand> subcommands() {
  return kSubcommands;
}

}  // namespace pawl
