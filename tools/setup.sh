#!/bin/bash
# What ./run, ./test and .ci/run share: the packages that are needed, and a configured build folder.
#
#       tools/setup.sh packages SET...   installs what is missing of the sets build, demo, ci, bench
#       tools/setup.sh configure FOLDER [MESON-OPTION...]
#       tools/setup.sh build FOLDER [MESON-OPTION...]
#
# Installs with apt-get as root or through `sudo -n`; without both it says what is missing and how to
# get it, and exits 1. Nothing is touched when nothing is missing.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)

# The reasons stand in README.md, "Dependencies".
packages_of() {
        case $1 in
        build) echo gcc libc6-dev meson ninja-build pkgconf libsystemd-dev libjansson-dev libnng-dev check ;;
        demo) echo redis-server nginx ;;
        ci) echo git clang libclang-rt-14-dev clang-format clang-tidy cppcheck valgrind shellcheck scdoc \
                libc6-dbg systemd dbus util-linux iproute2 erlang-base erlang-dev ;;
        bench) echo s6 runit supervisor ;;
        *)
                echo "setup: no such set of packages: $1" >&2
                exit 2
                ;;
        esac
}

is_installed() {
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The packages of some daemons start them at once, on the ports of the system's own. Nobody asked for
# that here: for the time of the installation we say no, unless the machine has its own policy.
apt_install() {
        local policy=/usr/sbin/policy-rc.d

        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 ||
                echo "setup: apt-get update failed; trying with the lists there are" >&2
        if [ ! -e "$policy" ]; then
                trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
                printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
                "${as_root[@]}" chmod 755 "$policy"
        fi
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
                --no-install-recommends "${missing[@]}" >&2
}

ensure_packages() {
        local set package

        if ! command -v dpkg-query >/dev/null; then
                echo "setup: this is no Debian; going on with what is installed" >&2
                return 0
        fi
        for set in "$@"; do
                for package in $(packages_of "$set"); do
                        is_installed "$package" || missing+=("$package")
                done
        done
        [ ${#missing[@]} -gt 0 ] || return 0

        echo "setup: missing packages: ${missing[*]}" >&2
        if [ "$(id -u)" != 0 ]; then
                if ! sudo -n true 2>/dev/null; then
                        printf 'setup: you are not root, so please run this once:\n\n    %s %s\n\n' \
                                'sudo apt-get install --no-install-recommends' "${missing[*]}" >&2
                        return 1
                fi
                as_root=(sudo -n)
        fi
        apt_install
}

# build.ninja is the last thing that meson writes: where it is missing, an earlier set-up broke off.
configure() {
        local folder=$1 said
        shift

        if [ ! -e "$folder/build.ninja" ]; then
                if [ -e "$folder/meson-private/coredata.dat" ]; then
                        set -- --reconfigure "$@"
                fi
                said=$(meson setup "$folder" "$@" 2>&1) || {
                        printf '%s\n' "$said" >&2
                        return 1
                }
        fi
}

missing=() # packages
as_root=() # the words before a command that needs root: none, or sudo

case ${1:-} in
packages)
        shift
        ensure_packages "$@"
        ;;
configure)
        shift
        cd "$top"
        configure "$@"
        ;;
build)
        shift
        cd "$top"
        configure "$@"
        # Silent when there is nothing to do; on stderr, for stdout is the caller's.
        ninja -C "$1" --quiet | { grep -vx "ninja: no work to do." || true; } >&2
        ;;
*)
        echo "usage: tools/setup.sh packages SET... | configure FOLDER [MESON-OPTION...] | build FOLDER [MESON-OPTION...]" >&2
        exit 2
        ;;
esac
