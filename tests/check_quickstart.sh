#!/usr/bin/env bash
# Runs the quickstart on a few files whose names are as hostile as file names get, on what cannot be read, on a
# relative path, on an empty folder, on files that change meanwhile, beside somebody who has its port, and ends its
# broker under it.
#   tests/check_quickstart.sh        PAWL_BIN names the folder with pawld and pawl
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
repository=$PWD
[ -z "${PAWL_BIN-}" ] || PAWL_BIN=$(cd "$PAWL_BIN" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/pawl-hostile.XXXXXX")
quickstart=
clean_up() {
  local status=$?
  trap - EXIT
  [ -z "$quickstart" ] || { kill -TERM "$quickstart" 2>/dev/null && wait "$quickstart"; } || true
  chmod -R u+rwx "$work"
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT

give_up() {
  echo "error: $*" >&2
  exit 1
}

# expect_jobs NUMBER SUMMARY
expect_jobs() {
  grep -qxE "jobs +$1" <<<"$2" || give_up "not every file became a job: there should be $1"
}

hostile_names() {
  local names name
  names=('plain' 'a space' '-n' '*' '&' '%41' '\0101' 'back\nslash' '$(touch here)' "quo'te" 'quo"te' 'ünïcode'
    $'new\nline' $'ends\n' $'tab\t' $'\001' $'\377\376 no UTF-8' '{"json":1}')
  mkdir "$work/hostile"
  for name in "${names[@]}"; do
    printf 'a line\nin a file named %s' "$name" >"$work/hostile/$name"
  done
  : >"$work/hostile/empty"
  mkdir "$work/hostile/folder "
  echo deep >"$work/hostile/folder / file"
  ln -s plain "$work/hostile/link"

  local summary
  summary=$(deploy/quickstart --once --dir "$work/hostile") || { printf '%s\n' "$summary"; exit 1; }
  printf '%s\n' "$summary"
  expect_jobs $((${#names[@]} + 2)) "$summary"
}

# From another folder, by a path that looks like an option. What this user must not read is left out; root reads all.
relative_and_unreadable() {
  local readable=1 skipped=0 summary
  mkdir -p "$work/caller/-dir/closed"
  echo open >"$work/caller/-dir/open"
  echo closed >"$work/caller/-dir/file"
  echo inside >"$work/caller/-dir/closed/file"
  chmod 000 "$work/caller/-dir/file" "$work/caller/-dir/closed"
  if [ -r "$work/caller/-dir/file" ]; then readable=3; else skipped=2; fi

  summary=$(cd "$work/caller" && "$repository/deploy/quickstart" --once --dir -dir) ||
    { printf '%s\n' "$summary"; give_up "it does not get along with what it cannot read"; }
  expect_jobs $readable "$summary"
  [ $skipped -eq 0 ] || grep -q "^Skipped $skipped files" <<<"$summary" || give_up "it does not say what it skipped"
}

nothing_to_do() {
  mkdir "$work/nothing"
  local said
  if said=$(deploy/quickstart --once --dir "$work/nothing" 2>&1); then give_up "no file at all is a success"; fi
  grep -q "error: no regular file" <<<"$said" || give_up "it does not say that there is no file: $said"
}

no_folder() {
  local said status
  expect_refusal() {
    status=0
    said=$(deploy/quickstart --once "$@" 2>&1) || status=$?
    [ $status -eq 2 ] || give_up "a folder without a name is taken: $said"
  }
  expect_refusal --dir ''
  expect_refusal --dir=
}

# The first job that runs takes one file away and changes another: nothing else is to be called lost or wrong.
files_change() {
  local summary i
  mkdir "$work/changing" "$work/programs"
  for i in {1..20}; do echo "$i" >"$work/changing/file $i"; done
  echo 'going' >"$work/changing/goes"
  echo 'old' >"$work/changing/grows"
  cat >"$work/programs/sha256sum" <<PROGRAM
#!/bin/sh
if mkdir "$work/first" 2>/dev/null; then
  rm "$work/changing/goes"
  echo new >>"$work/changing/grows"
fi
exec $(command -v sha256sum) "\$@"
PROGRAM
  chmod +x "$work/programs/sha256sum"

  summary=$(PATH=$work/programs:$PATH deploy/quickstart --once --dir "$work/changing" 2>&1) ||
    { printf '%s\n' "$summary"; give_up "two files that have changed are a failure"; }
  expect_jobs 22 "$summary"
  grep -qE '^lost +0$' <<<"$summary" || give_up "something is called lost: $summary"
  grep -qE '^changed +2,' <<<"$summary" || give_up "it does not count what has changed: $summary"
}

# Somebody holds the usual port who does not answer there, as another quickstart does that has just begun.
port_is_taken() {
  local summary port
  mkdir "$work/few"
  echo one >"$work/few/file"
  mkfifo "$work/port"
  exec 4> >(exec perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(0, INADDR_LOOPBACK)) or die;
    open(F, ">", $ARGV[0]); print F (sockaddr_in(getsockname(S)))[0], "\n"; close(F); <STDIN>' "$work/port")
  read -r port <"$work/port"
  summary=$(QUICKSTART_PORT=$port deploy/quickstart --once --dir "$work/few" 2>&1) ||
    { printf '%s\n' "$summary"; give_up "it does not find another port"; }
  exec 4>&-
  ! grep -q "listens on 127.0.0.1:$port;" <<<"$summary" || give_up "the port was not taken after all"
}

# A preset is what it says also in a folder where somebody left something else.
presets() {
  local build=$work/presets
  cmake --preset quickstart -B "$build" >/dev/null
  ctest --test-dir "$build" -N | grep -q '^Total Tests: 0$' || give_up "the quickstart's preset builds tests"
  cmake --preset release -B "$build" >/dev/null
  ! ctest --test-dir "$build" -N | grep -q '^Total Tests: 0$' || give_up "the preset release has no tests"
}

# child_of PID NAME: the process of that name.
child_of() {
  local folder
  for folder in /proc/[0-9]*; do
    [ "$(cat "$folder/comm" 2>/dev/null)" = "$2" ] || continue
    grep -qx "PPid:[[:space:]]*$1" "$folder/status" && echo "${folder#/proc/}"
  done
}

# A broker that ends while the quickstart stays up for it is a failure.
broker_ends() {
  local line data='' status=0
  mkdir "$work/one"
  echo one >"$work/one/file"
  mkfifo "$work/output"
  deploy/quickstart --dir "$work/one" >"$work/output" 2>"$work/errors" &
  quickstart=$!
  exec 3<"$work/output"
  while IFS= read -r -t 100 -u 3 line; do
    case $line in
      *"its data lies in "*) data=${line##*its data lies in } data=${data%.} ;;
      *"stays up until"*) break ;;
    esac
  done
  [ -n "$data" ] || give_up "the quickstart does not tell where its data lies"
  kill -KILL "$(child_of "$quickstart" pawld)"
  wait "$quickstart" || status=$?
  quickstart=
  exec 3<&-
  [ $status -eq 1 ] || give_up "the exit status is $status though the broker has ended"
  grep -q "error: the broker has ended" "$work/errors" || give_up "nobody is told that the broker has ended"
}

hostile_names
relative_and_unreadable
nothing_to_do
no_folder
files_change
port_is_taken
presets
broker_ends
echo "The quickstart gets along with all of it."
