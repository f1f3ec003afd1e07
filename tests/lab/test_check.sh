#!/bin/bash
# `check` inside the lab: what is present is found, look-alikes and the clean network are not called
# blocked, and a recorded run replays to the same bytes. All labs run side by side.
cd "$(dirname "$0")/../.." || exit 1
S=${SALLYPORT:-$PWD/build/release/bin/sallyport}
[ "$(id -u)" = 0 ] || { echo "skip lab-check: not root (network namespaces)"; exit 0; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# name, exit code, words that must stand in the report, words that must not
scenarios() {
	cat <<'END'
clean|0|can reach their cloud from here|FAIL
clean,delay=50|0|can reach their cloud from here|FAIL
udp-port-blocked|2|U2 udp-port-blocked, proven for this host, likely for devices|U4 
server-mute|2|U4 server-down, undetermined|proven
routers-silent,udp-port-blocked|2|U2 udp-port-blocked, likely|proven
udp-all-blocked|2|U1 udp-all-blocked, likely|U2 
udp-rejected|2|U3 udp-rejected, proven|U2 
udp-impostor|2|U21 udp-impostor, proven|U2 
server-down|2|U4 server-down|U2 
own-firewall|2|L4 own-firewall, proven|U2 
dns-udp-only-blocked|2|D2 dns-udp-only-blocked, likely|D1
gateway-mute|2|L2 gateway-mute, likely|proven
dtls-no-echo|0|holds the cloud's private key|FAIL
tcp-impostor|0|Photon, P1, Core: NO|FAIL udp
port-drop|0|C1 port-drop|U2 
resolver-down|2|D1 resolver-down|D2
dtls-fragments|0|holds the cloud's private key|FAIL
dtls-one-datagram|0|holds the cloud's private key|FAIL
dtls-twice|0|holds the cloud's private key|FAIL
dtls-late|0|holds the cloud's private key|FAIL
dtls-alert-after-cookie|1|U11 flight-stall|proven
END
}

while IFS='|' read -r name code want deny; do
	(
		timeout 60 "$S" lab "$name" -- sallyport check -o ndjson >"$out/$name.ndjson" 2>"$out/$name.err"
		echo $? >"$out/$name.code"
		timeout 10 "$S" replay "$out/$name.ndjson" >"$out/$name.text" 2>>"$out/$name.err"
		echo $? >"$out/$name.replayed"
		timeout 10 "$S" replay "$out/$name.ndjson" -o ndjson >"$out/$name.again" 2>>"$out/$name.err"
	) &
done < <(scenarios)
wait

status=0
while IFS='|' read -r name code want deny; do
	why=""
	[ "$(cat "$out/$name.code")" = "$code" ] || why="exit $(cat "$out/$name.code"), not $code"
	[ "$(cat "$out/$name.replayed")" = "$code" ] || why="$why; replay exit $(cat "$out/$name.replayed")"
	# the report wraps its lines
	tr -s ' \n' ' ' <"$out/$name.text" | grep -qF "$want" || why="$why; lacks '$want'"
	grep -qF "$deny" <(grep -v '^speaks' "$out/$name.text" | grep -v 'proven for this host' ) && why="$why; says '$deny'"
	cmp -s "$out/$name.ndjson" "$out/$name.again" || why="$why; the replayed stream differs"
	if [ -z "$why" ]; then
		echo "ok lab-check-$name"
	else
		echo "not ok lab-check-$name: $why $(tail -n 2 "$out/$name.err" | tr '\n' ' ')"
		status=1
	fi
done < <(scenarios)
exit $status
