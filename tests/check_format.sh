#!/usr/bin/env bash
# Fails when clang-format would change a source file. The outputs are compared, since its own --dry-run also
# reports edits that change nothing (the end of an inline namespace).
#   tests/check_format.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"
failures=0
while IFS= read -r -d '' file; do
  clang-format "$file" | cmp -s - "$file" && continue
  echo "clang-format would change $file"
  failures=$((failures + 1))
done < <(find proto broker client worker tests bench -type f \( -name '*.h' -o -name '*.cc' \) -print0 | sort -z)
[ "$failures" -eq 0 ]
