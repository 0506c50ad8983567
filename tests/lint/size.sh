#!/bin/sh
# Functions of at most 70 lines, from the brace that opens to the one that closes, files of at most 1,000.
set -eu
cd "$(dirname "$0")/../.."
. tests/lint/lib.sh

long=$(sources '*.c' '*.h' | xargs awk '
        /^\{/ { start = FNR }
        /^\}/ && start { if (FNR - start + 1 > 70) print FILENAME ":" start ": " FNR - start + 1; start = 0 }
        FNR == 1 { start = 0 }')
complain "functions above 70 lines:" "$long"

long=$(sources '*.c' '*.h' '*.sh' '*.py' | while read -r file; do
        lines=$(wc -l <"$file")
        [ "$lines" -le 1000 ] || echo "$file: $lines"
done)
complain "files above 1,000 lines:" "$long"
exit $bad
