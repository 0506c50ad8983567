#!/bin/sh
# Every verb and option that genctl knows stands in its manual page and in --help, and no other verb does.
# usage: manual.sh GENCTL MANUAL
set -eu
genctl=$1
manual=$2
bad=0

complain() {
        echo "manual.sh: $*" >&2
        bad=1
}

verbs=$("$genctl" --complete '')
help=$("$genctl" --help)
for verb in $verbs; do
        grep -qE "^\*$verb( |\*)|, \*$verb\*" "$manual" || complain "$verb has no entry in $manual"
        echo "$help" | grep -qE "^  $verb( |\$)" || complain "$verb is not in --help"
        "$genctl" help "$verb" | grep -q "^usage: genctl .* $verb" || complain "help $verb says something else"
        for option in $("$genctl" --complete "$verb" --); do
                grep -qF -e "*$option*" "$manual" || complain "$option of $verb is not in $manual"
                "$genctl" help "$verb" | grep -qF -e "$option" || complain "$option is not in help $verb"
        done
done
sections=$(sed -n '/^# VERBS/,/^# EXIT STATUS/p' "$manual")
for verb in $(echo "$sections" | grep -E '^\*[a-z]' | grep -oE '\*[a-z]+' | tr -d '*' | sort -u); do
        echo "$verbs" | grep -qx "$verb" || complain "$manual speaks of '$verb', which is no verb"
done
exit $bad
