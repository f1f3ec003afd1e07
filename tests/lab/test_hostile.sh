#!/bin/bash
# Far ends that misbehave: an honest result or an honest `unknown`, the right exit code, nothing on
# stderr (so no sanitizer spoke), every output format printable, no packet counted that never left.
# Runs with the given program and, beside it, with the sanitized one where that is built.
set -u
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip lab-hostile: not root (network namespaces)"; exit 0; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
builds="plain=$S"
asan=$PWD/build/asan/bin/sallyport
[ -x "$asan" ] && [ "$S" != "$asan" ] && builds="$builds asan=$asan"

# name, lab, exit codes that are right, words of the report
scenarios() {
	cat <<'END'
no-route|no-route|2|no default route
no-address|no-address|2|No usable address
no-resolver|no-resolver|2|No DNS resolver
resolver-garbage|dns-garbage|2|resolves nothing
hostile-cname|dns-hostile-cname|0|can reach their cloud
dtls-random|dtls-random|2|does not hold the cloud's key
dtls-text|dtls-text|2|does not hold the cloud's key
wrong-signature|udp-impostor|2|does not hold the cloud's key
alert-only|dtls-alert|3|UNKNOWN
alert-after-cookie|dtls-alert-after-cookie|1|FRAGILE
fragments|dtls-fragments|0|holds the cloud's private key
one-datagram|dtls-one-datagram|0|holds the cloud's private key
flight-twice|dtls-twice|0|holds the cloud's private key
flight-late|dtls-late|0|holds the cloud's private key
tls-hang|tls-hang|0|can reach their cloud
tls-alert|tls-alert|0|can reach their cloud
escapes|clean,without=dtls+ntp+greeting+tls+http|2|something else answered
flood|clean,without=dtls+ntp+greeting+tls+http|2|something else answered
END
}

start_hostile() { # MODE: the shell line for the far side
	echo "python3 $PWD/tests/lab/hostile.py $1 >\$LAB_DIR/log 2>&1 &
		for i in \$(seq 200); do grep -q ready \$LAB_DIR/log && exit 0; sleep 0.05; done
		cat \$LAB_DIR/log >&2; exit 1"
}

one() { # BUILD PROGRAM NAME LAB
	local at=$out/$1-$3
	case $3 in escapes | flood) export SALLYPORT_LAB_FAR=$(start_hostile "$3") ;; esac
	timeout 60 "$2" lab "$4" -- sallyport check -o ndjson >"$at.run" 2>"$at.err" </dev/null
	echo $? >"$at.code"
	for format in text ask json ndjson; do
		timeout 20 "$2" replay -o $format "$at.run" >"$at.$format" 2>>"$at.err"
	done
}

verdict() { # BUILD NAME CODE TEXT
	local at=$out/$1-$2 why="" format packets
	[ "$(cat "$at.code")" = "$3" ] || why="exit code $(cat "$at.code"), not $3;"
	[ -s "$at.err" ] && why="$why stderr: $(head -n 2 "$at.err" | tr '\n' ' ');"
	tr -s ' \n' ' ' <"$at.text" | grep -qF "$4" || why="$why the report lacks '$4';"
	for format in text ask json ndjson; do
		[ -s "$at.$format" ] || why="$why no $format;"
		LC_ALL=C grep -qP '[^\n\x20-\x7e]' "$at.$format" && why="$why raw bytes in $format;"
	done
	packets=$(grep -o '^CONTACTED ([0-9]*' "$at.text" | tr -dc 0-9)
	[ "${packets:-9999}" -le 500 ] || why="$why ${packets:-no} packets;" # the run's own limit
	if [ -z "$why" ]; then echo "ok hostile-$2-$1"; else echo "not ok hostile-$2-$1: $why"; fi
}

while IFS='|' read -r name lab _; do
	for b in $builds; do
		while [ "$(jobs -rp | wc -l)" -ge 8 ]; do wait -n; done
		one "${b%%=*}" "${b#*=}" "$name" "$lab" &
	done
done < <(scenarios)
wait
while IFS='|' read -r name lab code text; do
	for b in $builds; do verdict "${b%%=*}" "$name" "$code" "$text"; done
done < <(scenarios) | tee "$out/results"
! grep -q '^not ok' "$out/results"
