#!/bin/bash
# Who rejected, and with which code: what the sockets tell of ICMP errors from a router, from the
# gateway, from the target itself and from this host's own rules; and round trips over a long link.
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip lab-icmp: not root (network namespaces)"; exit 0; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# fault | check | every observation of it: outcome, ICMP type, code and sender
scenarios() {
	cat <<'END'
udp-rejected|udp5684.hello|rejected 3 13 203.0.113.1
udp-rejected-port|udp5684.hello|rejected 3 3 192.168.77.1
server-down|udp5684.hello|refused 3 3 198.51.100.10
admin-prohibited|tcp5683|rejected 3 13 203.0.113.1
server-closed|tcp5683|refused - - -
own-firewall|udp5684.hello|denied-locally - - -
clean,delay=50|udp5684.hello|answered - - -
END
}
while IFS='|' read -r fault check _; do
	timeout 60 "$S" lab "$fault" -- sallyport check -o ndjson --only "$check" >"$out/$fault" 2>"$out/$fault.err" \
		</dev/null &
done < <(scenarios)
wait

status=0
while IFS='|' read -r fault check want; do
	why=$(python3 - "$out/$fault" "$check" "$want" <<'END'
import json, sys
seen = [json.loads(line) for line in open(sys.argv[1])]
seen = [o for o in seen if o["type"] == "observation" and o["check"] == sys.argv[2]]
keys = ("outcome", "icmp_type", "icmp_code", "icmp_from")
got = {" ".join(str(o.get(k, "-")) for k in keys) for o in seen}
if got != {sys.argv[3]}:
    print(f"saw {sorted(got)}")
for o in seen:
    if "icmp_from" in o and o["from_self"]:
        print("says that the error is this host's own")
    # the first packet may wait for address resolution, which takes a round trip of its own
    if "delay" in sys.argv[1] and not 100 <= o["rtt_ms"] < 400:
        print(f"a round trip of {o['rtt_ms']} ms over 50 ms each way")
END
	)
	if [ -z "$why" ]; then
		echo "ok lab-icmp-$fault"
	else
		echo "not ok lab-icmp-$fault: $(echo "$why" | tr '\n' ' ') $(head -n 2 "$out/$fault.err")"
		status=1
	fi
done < <(scenarios)
exit $status
