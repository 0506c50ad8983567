#!/bin/sh
# A private Redis: no TCP port, a Unix socket in the shop's own directory, nothing of /etc/redis.
set -eu
data=${SHOP_DATA:-${TMPDIR:-/tmp}/gend-shop-$(id -u)}/redis
mkdir -p "$data"
exec redis-server --port 0 --unixsocket "$data/redis.sock" --dir "$data" --supervised systemd \
        --save '' --appendonly no
