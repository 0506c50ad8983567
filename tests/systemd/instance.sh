#!/bin/bash
# A systemd of its own: the real one, as init of private namespaces over a throw-away overlay of /.
#
#       instance.sh probe                         can this machine do it? says why not, and exits 1
#       instance.sh up STATE [UNITS [SHARED]]     boots it; UNITS are copied to /etc/systemd/system,
#                                                 SHARED is seen inside as /run/shared, writable
#       instance.sh in STATE COMMAND [ARG...]     runs a command inside
#       instance.sh down STATE [clean]            ends it, with an orderly shutdown if clean
#
# STATE is a folder that `up` makes and `down` removes. The machine's own files, units, cgroups and
# processes are out of its reach: it has pid, mount, uts, ipc, net and cgroup namespaces of its own, and
# writes into memory. Root only. There are no cgroup controllers inside, but all else of cgroup v2 is.
set -eu

self=$(readlink -f "$0")
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# What a container has no use for, and what would wait for a device or the kernel's log.
masked="getty.target dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount
        sys-kernel-config.mount sys-fs-fuse-connections.mount systemd-journald-audit.socket
        systemd-networkd.service systemd-resolved.service"

# Waits without a process of its own: nobody ever writes to this pipe.
exec {never}<> <(:)
pause() {
        read -r -t "$1" -u "$never" || true
}

cgroup2_mount() {
        awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts
}

why_not() {
        local tool base

        [ "$(id -u)" = 0 ] || { echo "not root"; return; }
        [ -x /lib/systemd/systemd ] || { echo "systemd is not installed"; return; }
        for tool in unshare nsenter ip dbus-daemon journalctl; do
                command -v "$tool" >/dev/null || { echo "$tool is not installed"; return; }
        done
        base=$(cgroup2_mount)
        [ -n "$base" ] || { echo "cgroup v2 is not mounted"; return; }
        mkdir "$base/probe-$$" 2>/dev/null || { echo "$base is not writable"; return; }
        rmdir "$base/probe-$$"
        unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup sh -ec '
                mount --make-rprivate /
                mount -t tmpfs probe /mnt
                mkdir /mnt/upper /mnt/work /mnt/root
                mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
                mount -t proc proc /mnt/root/proc
                mount -t sysfs -o ro sysfs /mnt/root/sys
                mount -t cgroup2 cgroup2 /mnt/root/sys/fs/cgroup' >/dev/null 2>&1 ||
                echo "no namespaces, or no overlay in them"
}

# Runs as pid 1 of the new namespaces, with the old root still in view.
mount_root() {
        local root=$1 node

        mount --make-rprivate /
        mount -t tmpfs -o mode=755 instance "$root"
        mkdir "$root/upper" "$root/work" "$root/root"
        mount -t overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" overlay "$root/root"
        root=$root/root

        mount -t proc proc "$root/proc"
        # Units that set sysctls would set the machine's.
        mount --bind "$root/proc/sys" "$root/proc/sys"
        mount -o remount,bind,ro "$root/proc/sys"
        mount -t sysfs -o ro sysfs "$root/sys"
        mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
        mount -t tmpfs -o mode=755 tmpfs "$root/run"
        mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
        mount -t tmpfs -o mode=755 tmpfs "$root/dev"
        for node in null zero full random urandom tty; do
                : >"$root/dev/$node"
                mount --bind "/dev/$node" "$root/dev/$node"
        done
        mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue"
        mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
        mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
        ln -s pts/ptmx "$root/dev/ptmx"
        ln -s /proc/self/fd "$root/dev/fd"
        ln -s fd/0 "$root/dev/stdin"
        ln -s fd/1 "$root/dev/stdout"
        ln -s fd/2 "$root/dev/stderr"
}

write_units() {
        local root=$1 units=$2 etc=$1/etc/systemd/system unit

        # An empty folder: what packages of the machine have enabled is not started.
        mount -t tmpfs -o mode=755 tmpfs "$etc"
        for unit in $masked; do
                ln -s /dev/null "$etc/$unit"
        done
        printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n' \
                >"$etc/instance.target"
        [ -z "$units" ] || cp "$units"/* "$etc"
        mkdir -p "$root/run/systemd/journald.conf.d"
        printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitIntervalSec=0\n' \
                >"$root/run/systemd/journald.conf.d/instance.conf"
}

boot() {
        local fs=$1 units=$2 shared=$3 root=$1/root

        mount_root "$fs"
        write_units "$root" "$units"
        if [ -n "$shared" ]; then
                mkdir "$root/run/shared"
                mount --bind "$shared" "$root/run/shared"
        fi
        ip link set lo up
        cd "$root"
        mkdir .old
        pivot_root . .old
        umount -l .old
        exec env -i container=instance "PATH=$path" LANG=C.UTF-8 SYSTEMD_LOG_TARGET=journal \
                /lib/systemd/systemd --system --unit=instance.target
}

is_alive() {
        [ -e "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

# The process that `unshare --fork` has made, as we see it.
child_of() {
        local tries

        for ((tries = 0; tries < 500; tries++)); do
                # There is no newline to find.
                read -r pid _ <"/proc/$1/task/$1/children" || [ -z "$pid" ] || return 0
                pause 0.01
        done
        return 1
}

up() {
        local state=$1 units=$2 shared=$3 cgroup launcher tries pid=

        mkdir -p "$state/fs"
        cgroup=$(cgroup2_mount)/gend-test-$$
        mkdir "$cgroup"
        echo "$cgroup" >"$state/cgroup"
        # shellcheck disable=SC2016 # for the inner shell
        sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' - "$cgroup" \
                unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup \
                "$self" boot "$state/fs" "$units" "$shared" >"$state/console" 2>&1 </dev/null &
        launcher=$!
        child_of "$launcher"
        echo "$pid" >"$state/pid"
        for ((tries = 0; tries < 1000; tries++)); do
                case $(enter "$state" systemctl is-system-running 2>/dev/null) in
                running) return 0 ;;
                degraded)
                        enter "$state" systemctl --failed --no-legend >&2
                        return 0
                        ;;
                esac
                is_alive "$pid" || break
                pause 0.02
        done
        cat "$state/console" >&2
        down "$state" now
        return 1
}

enter() {
        local state=$1

        shift
        nsenter -t "$(cat "$state/pid")" -m -u -i -n -p -C -r -w \
                env -i container=instance "PATH=$path" LANG=C.UTF-8 TERM=dumb SYSTEMD_PAGER=cat \
                SYSTEMD_COLORS=0 "$@"
}

# End of init, end of all: the kernel kills what is left in its pid namespace.
down() {
        local state=$1 how=$2 pid cgroup tries

        pid=$(cat "$state/pid")
        if [ "$how" = clean ]; then
                kill -s RTMIN+4 "$pid" # poweroff.target
                for ((tries = 0; tries < 6000; tries++)); do
                        is_alive "$pid" || break
                        pause 0.02
                done
        fi
        if is_alive "$pid"; then
                kill -KILL "$pid"
                while is_alive "$pid"; do
                        pause 0.01
                done
        fi
        cgroup=$(cat "$state/cgroup")
        for ((tries = 0; tries < 500; tries++)); do
                find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
                [ -d "$cgroup" ] || break
                pause 0.02
        done
        rm -rf --one-file-system "$state"
}

case ${1:-} in
probe)
        reason=$(why_not)
        [ -z "$reason" ] || { echo "$reason" >&2; exit 1; }
        ;;
boot) boot "$2" "$3" "$4" ;;
up) up "$2" "${3:-}" "${4:-}" ;;
in)
        shift
        enter "$@"
        ;;
down) down "$2" "${3:-now}" ;;
*)
        sed -n '2,13s/^# \{0,1\}//p' "$self" >&2
        exit 2
        ;;
esac
