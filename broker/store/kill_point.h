#pragma once

// Named places at which a test build ends as if by `kill -9`: PAWL_KILL_AT=NAME[@TABLE]:N in the
// environment, at the N-th time that it passes. With a table only commits with an operation in that
// table count, so that a grant (leases), a report (outcomes), a retry (agenda) or the end of a
// batch (closed) is met without the core knowing of it. Without PAWL_KILL_POINTS nothing of it is
// built.
//
//   PAWL_KILL_POINT("store.commit.before", &commit);

#ifdef PAWL_KILL_POINTS

#include <string_view>

#include "broker/core/changes.h"

namespace pawl::store {

// Thread-safe.
void pass_kill_point(std::string_view name, const core::Commit* commit = nullptr);

}  // namespace pawl::store

#define PAWL_KILL_POINT(...) ::pawl::store::pass_kill_point(__VA_ARGS__)

#else

#define PAWL_KILL_POINT(...) static_cast<void>(0)

#endif
