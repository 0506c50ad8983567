#!/bin/bash
# unit-file.sh GEND.SERVICE: systemd knows every word of the unit, and finds it confined. Exits 77 where
# there is no systemd-analyze.
set -eu

# What `systemd-analyze security` may say at most, times ten: children are ordinary services, and run
# in the same sandbox.
exposure_max=62

command -v systemd-analyze >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# verify looks for the programs, which are not installed yet.
sed -E 's,^(Exec[A-Za-z]*=)[^ ]+,\1/bin/true,' "$1" >"$folder/gend.service"
systemd-analyze verify --recursive-errors=no --man=no "$folder/gend.service"
systemd-analyze security --offline=true --no-pager --threshold=$exposure_max "$folder/gend.service"
