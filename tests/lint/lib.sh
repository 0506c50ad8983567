# What the lint scripts share; sourced from the top of the tree.
# shellcheck shell=sh

# shellcheck disable=SC2034 # for those who source this
bad=0

# complain TEXT FOUND: report FOUND, lines of text, unless it is empty.
complain() {
        [ -n "$2" ] || return 0
        printf '%s\n%s\n' "$1" "$2" >&2
        # shellcheck disable=SC2034
        bad=1
}

# sources PATTERN...: the files of the project whose names match, one a line; without git, all there are.
sources() {
        if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
                git ls-files -- "$@" | while read -r file; do
                        [ ! -f "$file" ] || echo "$file"
                done
                return
        fi
        for pattern in "$@"; do
                find . -path './build*' -prune -o -type f -path "./$pattern" -print |
                        sed 's,^\./,,'
        done | sort -u
}

# need TOOL: exit as skipped without it.
need() {
        command -v "$1" >/dev/null || {
                echo "skipped: there is no $1" >&2
                exit 77
        }
}
