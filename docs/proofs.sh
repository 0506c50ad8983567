#!/bin/sh
# Every file and every test that the invariants of docs/architecture.md name exists.
set -eu
cd "$(dirname "$0")/.."
bad=0

for word in $(sed -n '/^## Invariants/,$p' docs/architecture.md | tr '\140' '\n' | grep -xE '[a-z][a-z0-9_./-]+'); do
        case $word in
        */*) [ -e "$word" ] || { echo "docs/architecture.md: no such file: $word" >&2; bad=1; } ;;
        *_*)
                grep -rqE "(START_TEST|TEST)\($word\)|^def $word\(" tests ||
                        { echo "docs/architecture.md: no such test: $word" >&2; bad=1; }
                ;;
        esac
done
exit $bad
