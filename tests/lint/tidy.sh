#!/bin/sh
# clang-tidy and cppcheck over everything that is built; takes minutes.
#
#       tests/lint/tidy.sh [FILE...]    the build folder is $GEND_BUILD, else build/
set -eu
cd "$(dirname "$0")/../.."
. tests/lint/lib.sh
need clang-tidy
need cppcheck
build=${GEND_BUILD:-build}
[ -f "$build/compile_commands.json" ] || {
        echo "skipped: there is no $build/compile_commands.json; meson setup $build" >&2
        exit 77
}

[ $# -gt 0 ] || {
        # shellcheck disable=SC2046 # no file of ours has a space in its name
        set -- $(sources 'base/*.c' 'protocols/*.c' 'supervisord/*.c' 'ctl/*.c')
}

# The build may be gcc's: clang knows neither all of its warnings nor zeroed variables.
found=$(printf '%s\n' "$@" | xargs -n 1 -P "$(nproc)" clang-tidy -p "$build" --quiet \
        --extra-arg=-Wno-unknown-warning-option \
        --extra-arg=-ftrivial-auto-var-init=uninitialized 2>/dev/null || true)
complain "clang-tidy:" "$found"
# Its memleak knows no cleanup attribute.
found=$(cppcheck --quiet --enable=warning,performance,portability --std=c11 --inline-suppr -j "$(nproc)" \
        --suppress=missingIncludeSystem --suppress=memleak --include=tests/lint/cppcheck.h \
        -D_GNU_SOURCE -D__x86_64__ -I. "$@" 2>&1 || true)
complain "cppcheck:" "$found"
exit $bad
