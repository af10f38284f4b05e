#!/usr/bin/env bash
# Runs clang-tidy over the sources that are not tests, two at a time.
#   tests/check_tidy.sh BUILD_FOLDER [PATTERN]
set -euo pipefail
build=$1
pattern=${2-.}
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# GCC's precompiled headers mean nothing to clang, so the commands are taken from a configuration without them.
cmake -S . -B "$build/tidy" -G Ninja -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DPAWL_BUILD_TESTS=OFF \
  -DCMAKE_CXX_COMPILER_LAUNCHER= -DPAWL_KILL_POINTS=ON >"$build/tidy.log" || { cat "$build/tidy.log"; exit 1; }
cmake --build "$build/tidy" --target pawl_generated >>"$build/tidy.log" || { cat "$build/tidy.log"; exit 1; }

find proto broker client worker bench -name '*.cc' | grep -E "$pattern" | sort |
  xargs -r -P 2 -n 1 clang-tidy -p "$build/tidy" --quiet \
  2> >(grep -vE '^[0-9]+ warnings?( and [0-9]+ errors?)? generated' >&2)
