#pragma once

#include <cstdio>
#include <cstdlib>

// An invariant of ours, checked in release builds too: a broken one stops the process before it can
// harm what is stored.
#define PAWL_ASSERT(condition)                                                          \
  do {                                                                                  \
    if (!(condition)) [[unlikely]] {                                                    \
      std::fprintf(stderr, "pawl: invariant broken at %s:%d: %s\n", __FILE__, __LINE__, \
                   #condition);                                                         \
      std::abort();                                                                     \
    }                                                                                   \
  } while (false)
