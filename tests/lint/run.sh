#!/bin/sh
# All lint checks, one line each, and then what they complain about.
#
#       tests/lint/run.sh       the exit status is 0 if nothing was found; $GEND_BUILD as in tidy.sh
set -eu
cd "$(dirname "$0")/../.."

failed=0
report=$(mktemp)
trap 'rm -f "$report"' EXIT
for check in arrows header-alone format size words shell tidy; do
        status=0
        tests/lint/$check.sh >"$report" 2>&1 || status=$?
        case $status in
        0) echo "$check: ok" ;;
        77) echo "$check: $(cat "$report")" ;;
        *)
                echo "$check: FAILED"
                sed 's/^/        /' "$report"
                failed=1
                ;;
        esac
done
exit $failed
