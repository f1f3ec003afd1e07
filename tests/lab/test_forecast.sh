#!/bin/bash
# --dry-run sends nothing, and what a run then sends was listed, with at least that many packets; the
# report owns up to every packet that left. On clean networks and on those that make probes try hard.
set -u
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip lab-forecast: not root (network namespaces)"; exit 0; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
scenarios() { # name, lab, flags
	cat <<'END'
clean|clean|
only|clean|--only udp5684,ntp
cellular|clean|--profile particle-cellular
silence|everything-dropped|--controls
udp-blocked|udp-port-blocked|--controls
rejected|everything-rejected|--controls
impostor|dtls-random|--controls
proxy|accept-all-tcp|--controls
closed|tcp-close|
forged|dns-forged|--controls
denied|dns-policy-block|--controls
resolver-mute|resolver-down|--controls
portal|captive-http|--controls
lossy|clean,loss=0.1,delay=20,seed=7|--controls
END
}
one() { # NAME LAB FLAGS
	timeout 90 "$S" lab "$2" -- python3 "$PWD/tests/lab/forecast.py" $3 >"$out/$1" 2>&1 </dev/null ||
		echo "exit code $?" >>"$out/$1"
}
while IFS='|' read -r name lab flags; do
	while [ "$(jobs -rp | wc -l)" -ge 8 ]; do wait -n; done
	one "$name" "$lab" "$flags" &
done < <(scenarios)
wait
status=0
while IFS='|' read -r name _; do
	if [ -s "$out/$name" ]; then
		echo "not ok forecast-$name: $(head -n 4 "$out/$name" | tr '\n' ';')"
		status=1
	else
		echo "ok forecast-$name"
	fi
done < <(scenarios)
exit $status
