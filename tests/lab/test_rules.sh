#!/bin/bash
# The closed loop: record a run in the lab, make rules from it, load them on a gateway that forwards
# and accepts nothing else, and send from the device. What came out on the far side of that gateway
# is compared with what may: exactly the resolved addresses and ports, for the given MAC alone.
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip lab-rules: not root (network namespaces)"; exit 0; }
out=$(mktemp -d)
chmod 755 "$out"
trap 'rm -rf "$out"' EXIT
mac=02:00:5e:00:53:01 rogue=02:00:5e:00:53:02
ok() { echo "ok lab-rules-$1"; }
bad() { echo "not ok lab-rules-$1: $2"; }
check() { # NAME EXPECTED GOT
	if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "expected '$2', got '$3'"; fi
}

# ---- record ----
for fault in clean udp-port-blocked dns-forged; do
	timeout 60 "$S" lab $fault -- sallyport check -o ndjson >"$out/$fault.ndjson" 2>"$out/$fault.err" &
done
wait
"$S" rules --for nftables --device $mac,pump "$out/clean.ndjson" >"$out/allow.nft" || bad record "$(cat "$out/clean.err")"
"$S" rules --for nftables -q "$out/clean.ndjson" >"$out/placeholder.nft"
"$S" rules --for nftables --device $mac,pump "$out/udp-port-blocked.ndjson" >"$out/blocked.nft"
"$S" rules --for nftables --device $mac "$out/dns-forged.ndjson" >"$out/forged.nft"
# the fault that the rules are to mend gives the same rules
strip() { sed 's/sp:[^:]*:\([^:]*\):[0-9]*/\1/; /^#/d' "$1"; } # of run and day
strip "$out/blocked.nft" | diff - <(strip "$out/allow.nft") >"$out/diff" && ok same-when-blocked ||
	bad same-when-blocked "$(head -n 4 "$out/diff" | tr '\n' '|')"
# without a recording it makes a run of its own
timeout 60 "$S" lab clean -- sallyport rules --for nftables --device $mac,pump >"$out/live.nft" 2>"$out/live.err"
check live-code 0 $?
strip "$out/live.nft" | diff - <(strip "$out/allow.nft") >"$out/diff" && [ ! -s "$out/live.err" ] && ok live ||
	bad live "$(cat "$out/live.err" "$out/diff" | head -n 4 | tr '\n' '|')"
check forged-address-withheld 0 "$(grep -c '203\.0\.113\.66' "$out/forged.nft")"
check forged-is-said 1 "$(grep -c 'NO ADDRESS: dns-forged' "$out/forged.nft")"

# ---- the gateway: drops all, without even a rule for established flows ----
cat >"$out/site.nft" <<'END'
table inet filter {
	set passed { type ipv4_addr . inet_proto . inet_service; flags dynamic; timeout 1h; }
	chain input { type filter hook input priority filter; policy drop; }
	chain forward { type filter hook forward priority filter; policy drop; }
	chain watch {
		type filter hook postrouting priority filter;
		oifname "wan0" add @passed { ip daddr . ip protocol . th dport }
	}
}
END
cat >"$out/gateway.sh" <<'END'
# RULES FOLDER; the device's command finds what lies in LAB_DIR beside its certificates
set -e
nft -f "$2/site.nft"
nft -f "$1"
nft -f "$1"
for chain in forward input; do nft insert rule inet filter $chain jump sp_allow; done
(
	until [ -e "$LAB_DIR/sent" ]; do sleep 0.05; done
	nft list set inet filter passed >"$LAB_DIR/passed"
	cat /proc/net/nf_conntrack >"$LAB_DIR/flows" 2>/dev/null || :
	: >"$LAB_DIR/seen"
) &
END
cat >"$out/device.sh" <<'END'
dir=${SSL_CERT_FILE%/*}
ip link set dev eth0 address "$1" || exit 1
python3 - <<'PY'
import socket
for host in (10, 11, 20, 30, 50):
    for port in (53, 123, 443, 5683, 5684, 9999):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            s = socket.socket(socket.AF_INET, kind)
            s.setblocking(False)
            try:
                s.connect((f"198.51.100.{host}", port))
                s.send(b"x")
            except OSError:
                pass
PY
sallyport check --only udp5684.hello,udp5684.identity,ntp,dns.name --budget-s 6 -o json >"$2.json"
: >"$dir/sent"
until [ -e "$dir/seen" ]; do sleep 0.05; done
cp "$dir/passed" "$2.passed"
cp "$dir/flows" "$2.flows"
END
loop() { # NAME RULES MAC
	SALLYPORT_LAB_GATEWAY="sh $out/gateway.sh $2 $out" timeout 90 "$S" lab clean -- \
		sh "$out/device.sh" "$3" "$out/$1" >"$out/$1.log" 2>&1
	echo $? >"$out/$1.code"
}
loop device "$out/allow.nft" $mac &
loop rogue "$out/allow.nft" $rogue &
loop placeholder "$out/placeholder.nft" $mac &
wait
passed() { # what left the gateway: ADDRESS PROTOCOL PORT, sorted
	tr ',{}' '\n\n\n' <"$out/$1.passed" | sed -nE 's/^[ \t]*([0-9.]+) \. (.+) \. ([0-9a-z]+) .*/\1 \2 \3/p' | sort | paste -sd,
}
state_of() { # RUN CHECK
	python3 -c "import json, sys; print(*sorted({c['state'] for c in json.load(open(sys.argv[1]))['checks'] if c['id'] == sys.argv[2]}))" \
		"$out/$1.json" "$2"
}
for run in device rogue placeholder; do
	[ "$(cat "$out/$run.code")" = 0 ] || bad "$run-ran" "$(tail -n 3 "$out/$run.log")"
done
check device-reaches-exactly "198.51.100.10 udp 5684,198.51.100.30 udp 123" "$(passed device)"
check device-gets-answers "pass pass pass" "$(state_of device udp5684.hello) $(state_of device udp5684.identity) $(state_of device ntp)"
check another-mac-reaches-nothing "" "$(passed rogue)"
case "$(state_of rogue udp5684.hello)" in
fail | skipped | unknown) ok another-mac-gets-no-answer ;;
*) bad another-mac-gets-no-answer "$(state_of rogue udp5684.hello)" ;;
esac
check placeholder-opens-nothing "" "$(passed placeholder)"
# 300 s from the first packet on, where Linux gives 30 (or 120, once it saw a longer exchange).
left=$(grep 'dport=5684' "$out/device.flows" | awk '{print $5}' | sort -n)
if [ -z "$left" ]; then echo "skip lab-rules-timer: the kernel does not list flows"
elif [ "$(echo "$left" | head -n 1)" -gt 250 ]; then ok timer
else bad timer "$left s left"; fi
exit 0
