#!/bin/sh
# The project speaks of itself: no paths of somebody's machine, no promises in place of work.
set -eu
cd "$(dirname "$0")/../.."
. tests/lint/lib.sh

texts=$(sources '*' | grep -vE '^tests/(fuzz/corpus/|lint/words\.sh$)')
found=$(printf '%s\n' "$texts" | xargs grep -nIE '(^|[^[:alnum:]._-])/(work|home/[a-z]+|root|Users)/' /dev/null ||
        true)
complain "a path of one machine:" "$found"
found=$(printf '%s\n' "$texts" | xargs grep -nIE '\b(TODO|FIXME|XXX)\b' /dev/null || true)
complain "unfinished:" "$found"
found=$(printf '%s\n' "$texts" | grep -E '\.[ch]$' | xargs grep -nE '[[:space:]]+$' /dev/null || true)
complain "space at the end of a line:" "$found"
exit $bad
