#!/bin/sh
# Includes may only follow the arrows; each foreign API and each dangerous call has one owner.
set -eu
cd "$(dirname "$0")/../.."
. tests/lint/lib.sh

while read -r dir allowed; do
        found=$(sources "$dir/*.c" "$dir/*.h" | xargs -r grep -nE '^#include "' /dev/null |
                grep -vE "#include \"($allowed)" || true)
        complain "$dir may include only: $allowed" "$found"
done <<'END'
base base/
protocols protocols/|base/
supervisord/kernel supervisord/kernel/|protocols/|base/
supervisord/log supervisord/log/|protocols/|base/
supervisord/supervisor supervisord/supervisor/|supervisord/kernel/sweep\.h|protocols/|base/
ctl ctl/|protocols/|base/
END

# Programs; tests and benchmarks are free to use what they test.
programs=$(sources 'base/*.[ch]' 'protocols/*.[ch]' 'supervisord/*.[ch]' 'ctl/*.[ch]')
while read -r pattern owner; do
        found=$(printf '%s\n' "$programs" | xargs grep -nE "$pattern" /dev/null |
                grep -vE "^($owner):" || true)
        complain "'$pattern' belongs to $owner" "$found"
done <<'END'
<nng/ supervisord/supervisor/rpc\.c|ctl/client\.c
<jansson\.h> (protocols/spec[a-z-]*|supervisord/supervisor/[a-z-]+|ctl/[a-z-]+)\.[ch]
<systemd/ supervisord/[a-z]+/[a-z-]+\.[ch]
\b(vfork|clone)\( supervisord/kernel/spawn\.[ch]
\b(fork|posix_spawnp?)\( nobody
\bexecv[pe]*\( supervisord/kernel/spawn\.c
\bwait(id|pid|3|4)?\( supervisord/kernel/reap\.c
\bkill\( supervisord/kernel/[a-z-]+\.c
\bsigaction\( supervisord/kernel/(spawn|main)\.c
\b(setsid|setrlimit)\(([^0-9]|$) supervisord/kernel/(spawn|main)\.c|supervisord/log/main\.c
END

while read -r pattern; do
        found=$(sources '*.c' '*.h' | grep -v '^bench/' | xargs grep -nE "$pattern" /dev/null || true)
        complain "'$pattern' is used nowhere" "$found"
done <<'END'
return[[:space:]]+errno;
\b(usleep|nanosleep|sleep)\(
\b(system|popen|strtok|atoi|atol|sprintf|vsprintf|strcpy|strcat|gets)\(
(^|[^>.[:alnum:]_])signal\([A-Z]
END
exit $bad
