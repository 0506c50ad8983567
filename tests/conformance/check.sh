#!/bin/sh
# Every scenario that README.md claims is found where it says: the number and the test in that file.
set -eu
cd "$(dirname "$0")/.."

bad=0
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

complain() {
        echo "conformance/README.md: $*" >&2
        bad=1
}

# shellcheck disable=SC2016 # they are Markdown's
sed -n 's/^| \([A-Z]*-[0-9]*\) | `\([^`]*\)`: `\([^`]*\)` |$/\1 \2 \3/p' conformance/README.md >"$rows"
[ -s "$rows" ] || complain "no row names a test"
while read -r scenario file test; do
        [ -f "$file" ] || {
                complain "$scenario: there is no $file"
                continue
        }
        grep -qw -- "$scenario" "$file" || complain "$scenario is not in $file"
        grep -q "START_TEST($test)" "$file" || complain "$scenario: $file has no test $test"
done <"$rows"

for scenario in $(sed -n 's/^| \([A-Z]*-[0-9]*\) |.*/\1/p' conformance/README.md | sort | uniq -d); do
        complain "$scenario stands twice"
done
grep -ohE '(SUP|APP|OSP)-[0-9]{3}' integration/*.c fault/*.c | sort -u >"$rows"
while read -r scenario; do
        grep -q "^| $scenario |" conformance/README.md || complain "$scenario is tested, and not listed"
done <"$rows"
exit $bad
