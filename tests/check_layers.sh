#!/usr/bin/env bash
# Fails on what the compiler does not see: an include against the layering, a file over the wall,
# a test that sleeps, a stray at the top level.
#   tests/check_layers.sh [ROOT]
set -uo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}" || exit 2

lines_max=500
failures=0

# Prints each line of stdin as a failure under the rule's name.
fail() {
  local line
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    echo "$1: $line"
    failures=$((failures + 1))
  done
}

sources() {
  find "$@" -type f \( -name '*.h' -o -name '*.cc' \) 2>/dev/null | sort
}

includes() {
  sources "$@" | xargs -r grep -nHE '^ *# *include'
}

# may_include FOLDER REGEX: what a quoted include in the folder may begin with.
may_include() {
  fail "$1 may include only \"$2\"" < <(includes "$1" | grep '#include "' | grep -vE "#include \"($2)")
}

# never_includes FOLDER REGEX: angle includes that the folder must not have.
never_includes() {
  fail "$1 must not include <$2>" < <(includes "$1" | grep -E "#include <($2)")
}

may_include proto           'proto/'
may_include broker/core     'broker/core/'
may_include broker/store    'broker/(core|store)/'
may_include broker/runtime  'broker/(core|store|runtime)/'
may_include broker/net      'broker/(core|store|runtime|net)/|proto/'
may_include broker          'broker/|proto/'
may_include client          'client/|proto/'
may_include worker          'worker/|client/|proto/'
may_include bench           'bench/|proto/|client/|worker/'
may_include client/include  'nothing'
may_include worker/include  'nothing'
may_include client/examples 'nothing'
may_include worker/examples 'nothing'

never_includes broker/core     'boost/(asio|beast|json|thread|filesystem)|rocksdb|google|spdlog|fmt|thread|mutex|shared_mutex|condition_variable|future|fstream|iostream|filesystem|unistd|sys/|pawl/'
never_includes broker/store    'boost/(asio|beast)|google|pawl/'
never_includes broker/runtime  'boost/(asio|beast)|rocksdb|google|pawl/'
never_includes broker/net      'rocksdb|pawl/'
never_includes broker          'pawl/'
never_includes proto           'boost/(asio|beast)|rocksdb|spdlog|sys/|unistd|thread|mutex|fstream|pawl/'
never_includes client/include  'google|rocksdb|spdlog|fmt|CLI'
never_includes worker/include  'google|rocksdb|spdlog|fmt|CLI'
never_includes client          'rocksdb'
never_includes worker          'rocksdb'

fail 'only the command line sits on the worker, the client does not' < <(
  includes client | grep -v '^client/cli/' | grep -E '#include <pawl/(worker|handler|context)')

fail 'RocksDB is named outside broker/store' < <(
  sources broker proto client worker | grep -v '^broker/store/' | xargs -r grep -nHE '\brocksdb::')

fail 'broker/core reads a clock or draws randomness by itself' < <(
  sources broker/core | xargs -r grep -nHE '(system|steady)_clock::now|random_device|std::rand\b')

fail "over $lines_max lines" < <(
  { sources proto broker client worker tests bench; find proto -name '*.proto'; } | xargs -r wc -l |
    awk -v wall=$lines_max '$2 != "total" && $1 > wall {print $2 " has " $1}')

fail 'a header without #pragma once' < <(
  sources proto broker client worker tests bench | grep '\.h$' | xargs -r grep -L '^#pragma once')

fail 'a test that sleeps' < <(
  sources tests | xargs -r grep -nHE 'sleep_for|sleep_until|\b(usleep|nanosleep) *\(|::sleep *\([^)]')

fail 'left behind' < <(
  sources proto broker client worker tests bench | xargs -r grep -nHE '\b(TODO|FIXME|XXX|HACK)\b')

fail 'does not belong at the top level' < <(
  git ls-files 2>/dev/null | sed 's,/.*,,' | sort -u |
    grep -vxE '\..*|CMakeLists\.txt|CMakePresets\.json|README\.md|LICENSE|proto|broker|client|worker|tests|bench|deploy')

if [ "$failures" -ne 0 ]; then
  echo "$failures finding(s)"
  exit 1
fi
echo "layers, sizes and habits hold"
