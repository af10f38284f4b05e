#!/usr/bin/env bash
# Fails when clang-format would change a source file.
#   tests/check_format.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"
find proto broker client worker tests bench -type f \( -name '*.h' -o -name '*.cc' \) -print0 |
  xargs -0r clang-format --dry-run -Werror
