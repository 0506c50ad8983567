#!/bin/sh
# A private Redis: no TCP port, files and socket beside that of gend, nothing of /etc/redis.
set -eu
data=${GEND_SOCKET%/*}/data/redis
mkdir -p "$data"
exec redis-server --port 0 --unixsocket "$data/redis.sock" --dir "$data" --supervised systemd \
        --save '' --appendonly no
