#!/bin/sh
# Every header compiles by itself, so that no file depends on the order of its includes.
set -eu
cd "$(dirname "$0")/../.."
. tests/lint/lib.sh
cc=${CC:-cc}
need "${cc%% *}"
need pkg-config

flags=$(pkg-config --cflags libsystemd jansson check)
for header in $(sources '*.h' | grep -v '^bench/'); do
        # shellcheck disable=SC2086 # a list of words
        found=$(printf '#include "%s"\n' "$header" |
                $cc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -I. -Iworkerlib/include $flags -fsyntax-only -x c - 2>&1 || true)
        complain "$header does not compile alone:" "$found"
done
exit $bad
