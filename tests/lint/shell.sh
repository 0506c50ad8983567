#!/bin/sh
# Every script passes shellcheck.
set -eu
cd "$(dirname "$0")/../.."
. tests/lint/lib.sh
need shellcheck

scripts=$(sources '*' | while read -r file; do
        case $(head -c 64 "$file" | head -n 1 | tr -d '\000') in
        '#!/bin/sh'* | '#!/bin/bash'* | '#!/usr/bin/env bash'* | '#!/usr/bin/env sh'*) echo "$file" ;;
        esac
done)
printf '%s\n' "$scripts" tests/lint/lib.sh | xargs shellcheck -x
