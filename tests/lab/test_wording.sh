#!/bin/bash
# The text report and the ticket as a person reads them: no line over 80 columns, no "0.0 ms", no "1
# packets", no result beside a failed check that is not its own, no claim about devices from rules of
# this host.
set -u
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip lab-wording: not root (network namespaces)"; exit 0; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# lab, what must stand in the report (line breaks apart), what must not
scenarios() {
	cat <<'END'
clean|all 8 pass, in |FAIL
udp-rejected|(ICMP 3/13), 0 of 3 tries answered|)(
dns-policy-block|Please allow the names |no address for
sni-filter|the connection was cut (reset)|FAIL tcp443 5 targets TLSv1.3
flight-stall|certificate-request, server-hello-done|request,server
ntp-wrong|its clock is 3600.0 s ahead of this host's|own clock
no-address|dns.name 8 targets no uplink|(check
gateway-mute|no other neighbour on the link answers either|0 other
own-firewall|proven for this host alone|devices beside it
split-horizon|10.66.0.1 in |an empty answer
udp-impostor|does not hold the cloud's private key|identity: wrong
fw-reset|refused in the target's name|refused by the far end
END
}

while IFS='|' read -r lab _; do
	while [ "$(jobs -rp | wc -l)" -ge 8 ]; do wait -n; done
	{
		timeout 60 "$S" lab "$lab" -- sallyport check -o ndjson >"$out/$lab.run" 2>"$out/$lab.err" </dev/null
		"$S" replay "$out/$lab.run" >"$out/$lab.text" 2>>"$out/$lab.err"
		"$S" replay -o ask "$out/$lab.run" >"$out/$lab.ask" 2>>"$out/$lab.err"
	} &
done < <(scenarios)
wait
status=0
while IFS='|' read -r lab want deny; do
	why=$(cat "$out/$lab.err")
	flat=$(tr -s ' \n' ' ' <"$out/$lab.text")
	[[ $flat == *"$want"* ]] || why="$why lacks '$want';"
	[[ $flat == *"$deny"* ]] && why="$why says '$deny';"
	awk 'length > 80' "$out/$lab.text" "$out/$lab.ask" | grep -q . && why="$why a line over 80 columns;"
	odd=$(grep -ohE '\b0\.0 ms|\b0 to 0|\.{4}|\(\?\)|\b1 (packets|tries|targets|hops|rounds|questions)\b' "$out/$lab.text" "$out/$lab.ask" | head -n 1)
	[ -n "$odd" ] && why="$why says '$odd';"
	if [ -z "$why" ]; then
		echo "ok wording-$lab"
	else
		echo "not ok wording-$lab: $why"
		status=1
	fi
done < <(scenarios)
exit $status
