#!/bin/sh
# nginx.sh PORT BACKEND-PORT: a private nginx in front of the greeter; nothing of /etc/nginx.
set -eu
data=${GEND_SOCKET%/*}/data/nginx
mkdir -p "$data"
cat >"$data/nginx.conf" <<END
daemon off;
worker_processes 1;
error_log stderr;
pid nginx.pid;
events { }
http {
        access_log off;
        client_body_temp_path body;
        proxy_temp_path proxy;
        fastcgi_temp_path fastcgi;
        uwsgi_temp_path uwsgi;
        scgi_temp_path scgi;
        server {
                listen 127.0.0.1:$1;
                location / { proxy_pass http://127.0.0.1:$2; }
        }
}
END
# As root nginx would give its worker to another user, who may not enter the directory.
[ "$(id -u)" != 0 ] || printf 'user root;\n' >>"$data/nginx.conf"
PATH=$PATH:/usr/sbin exec nginx -e stderr -p "$data" -c nginx.conf
