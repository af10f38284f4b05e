#!/usr/bin/env bash
# Runs the quickstart on a few files whose names are as hostile as file names get.
#   tests/check_quickstart.sh        PAWL_BIN names the folder with pawld and pawl
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/pawl-hostile.XXXXXX")
trap 'rm -rf "$work"' EXIT

names=('plain' 'a space' '-n' '*' '&' '%41' '\0101' 'back\nslash' '$(touch here)' "quo'te" 'quo"te' 'ünïcode'
  $'new\nline' $'ends\n' $'tab\t' $'\001' $'\377\376 no UTF-8' '{"json":1}')
for name in "${names[@]}"; do
  printf 'a line\nin a file named %s' "$name" >"$work/$name"
done
: >"$work/empty"
mkdir "$work/folder "
echo deep >"$work/folder / file"
ln -s plain "$work/link"

summary=$(deploy/quickstart --once --dir "$work") || { printf '%s\n' "$summary"; exit 1; }
printf '%s\n' "$summary"
grep -qxE "jobs +$((${#names[@]} + 2))" <<<"$summary" || { echo "error: not every file became a job" >&2; exit 1; }
