#!/usr/bin/env bash
# Rules for working hours: meta day "Monday" meta hour "08:00"-"17:00".
#
# Guess: nft means both in local time, since it turns local hours into UTC when it loads a rule, and back when it lists one.
# Seen: nft 1.0.6 turns the hour, and not the day. The kernel (6.18.44) compares the day with that of its own time zone, which is UTC's unless
# settimeofday has set another. In Auckland Monday's rule begins to hold on Monday at noon or 13:00, and holds until the same time on Tuesday.
# "nft list" shows nothing of it.
# Source: src/meta.c, day_type (no conversion), hour_type_parse (tm_gmtoff); Linux, net/netfilter/nft_meta.c, nft_meta_weekday (sys_tz).
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2

cat >steps.sh <<'STEPS'
ip link set lo up
utc=$(date +%A)
# A zone in which it is another day now: 14 hours ahead of UTC, or 11 behind.
export TZ=AHEAD-14
[[ $(date +%A) != "$utc" ]] || export TZ=BEHIND+11
nft -f - <<RULES
table ip t {
    chain output {
        type filter hook output priority filter; policy accept;
        meta hour "$(date -d '-3 min' +%H:%M)"-"$(date -d '+3 min' +%H:%M)" counter comment "hour of here"
        meta day "$(date +%A)" counter comment "day of here"
        meta day "$utc" counter comment "day of UTC"
    }
}
RULES
ping -c 1 127.0.0.1 >/dev/null
nft list chain ip t output | sed -n 's/.*counter packets \([0-9]*\) .*comment "\(.*\)"/\2: \1/p'
STEPS

expect "packets (an echo and its reply) that rules of the present moment match" \
    "$(unshare -rn env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" bash steps.sh)" "hour of here: 2
day of here: 0
day of UTC: 2"
finish
