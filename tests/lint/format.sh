#!/bin/sh
# The form of the source is clang-format's. Other versions than 14 have other opinions.
set -eu
cd "$(dirname "$0")/../.."
. tests/lint/lib.sh
format=$(command -v clang-format-14 || command -v clang-format || true)
case $("${format:-false}" --version 2>/dev/null || true) in
*' version 14.'*) ;;
*)
        echo "skipped: there is no clang-format 14" >&2
        exit 77
        ;;
esac

found=$(sources '*.c' '*.h' | xargs "$format" --dry-run -Werror 2>&1 |
        sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: error:.*/\1/p' | sort | uniq -c || true)
complain "clang-format -i these; the number of places is before each:" "$found"
exit $bad
