#!/bin/bash
# `check --as-client`: a gateway's LAN as a new device sees it. Every lab's CMD is a shell on the
# gateway (or the device) that compares the host's network before and after, whatever ended the run.
# SALLYPORT names the program; dnsmasq under build/peers, where it is there, is the second DHCP server.
set -u
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip as-client: needs root (network namespaces)"; exit 0; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

cat >"$out/lib.sh" <<'END'
host_state() {
	ip -o addr
	ip -o -d link | sed 's/ [a-z_]*timer *[0-9.]*//g; s/ state [A-Z]*//' # which settles on its own
	ip route show table all
	bridge link
	cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/rp_filter
}
host_state >/dev/shm/before
until_true() { # CONDITION...: within 20 s
	local end=$((SECONDS + 20))
	until "$@"; do
		[ $SECONDS -ge $end ] && return 1
		sleep 0.02
	done
}
same() {
	host_state >/dev/shm/after
	cmp -s /dev/shm/before /dev/shm/after
}
check() { sallyport check "$@"; echo "exit $?"; }
has_address() { # PID: its client has one
	nsenter -t "$1" -n ip -o -4 addr show client0 2>/dev/null | grep -q 192.168.77.5
}
port_there() { ip -o link | grep -q ': spc[0-9]*@'; }
left() { # says what is left behind
	until_true same && echo "left nothing" || diff /dev/shm/before /dev/shm/after
}
END

in_lab() { # NAME FAULTS SCRIPT
	echo ". $out/lib.sh; $3" >"$out/$1.sh"
	timeout 120 "$S" lab "$2" -- bash "$out/$1.sh" >"$out/$1.out" 2>"$out/$1.err" </dev/null
}
says() { # NAME WANTED...: each stands in the output of the lab (stdout and stderr, lines joined)
	local name=$1 text why=""
	shift
	text=$(cat "$out/$name.out" "$out/$name.err" | tr -s ' \n' ' ')
	for want; do case $text in *"$want"*) ;; *) why="$why lacks '$want';" ;; esac; done
	if [ -z "$why" ]; then echo "ok as-client-$name"; else
		echo "not ok as-client-$name: $why got: $(echo "$text" | cut -c 1-400)"
	fi
}

# ---- the faults, all at once ----
by_dhcp='(own MAC 02:' from='192.168.77.57 by DHCP from 192.168.77.1)'
in_lab clean gateway-host 'check --as-client br-lan; left' &
in_lab drop gateway-forward-drop 'check --as-client br-lan; left' &
# Without the client the same gateway sees nothing of it, and says so.
in_lab drop-unseen gateway-forward-drop 'check' &
in_lab clean-unseen gateway-host 'check' &
in_lab no-dhcp gateway-host,without=dhcp 'check --as-client br-lan; left' &
in_lab macvlan clean 'check --as-client eth0; left' &
in_lab macvlan-no-dhcp clean,without=dhcp 'check --as-client eth0; left' &
in_lab given gateway-forward-drop,without=dhcp 'check --as-client br-lan \
	--client-address 192.168.77.200/24,192.168.77.1,192.168.77.1; left' &
in_lab replay gateway-host 'sallyport check --as-client br-lan -o ndjson >/dev/shm/run; echo "exit $?"
	sallyport replay /dev/shm/run -o ndjson >/dev/shm/again; echo "replay $?"
	cmp /dev/shm/run /dev/shm/again && echo "same bytes"; sallyport replay /dev/shm/run' &
in_lab json gateway-host 'sallyport check --as-client br-lan -o json' &
# A new port listens and learns before it forwards; nothing is called silent because of that.
in_lab spanning-tree gateway-host 'ip link set br-lan type bridge stp_state 1 forward_delay 600
	check --as-client br-lan; until_true eval "! port_there" && echo "no port is left"' &
wait
says clean "Tested as a client of br-lan $by_dhcp" "$from" "YES - can reach their cloud from here" \
	"exit 0" "left nothing"
says drop "$from" "U2 udp-port-blocked, proven" "sallyport check --as-client br-lan --only udp5684" \
	"exit 2" "left nothing"
says drop-unseen "H1 host-forwards" "sallyport check --as-client br-lan (as root)" "exit 3"
says clean-unseen "H1 host-forwards" "exit 3"
says no-dhcp "no address: nobody answered DHCP)" "L1 no-address, proven" \
	"4 DHCP messages on br-lan within 12 s" "exit 2" "left nothing"
says spanning-tree "$from" "exit 0" "no port is left"
says macvlan "Tested as a client of eth0 $by_dhcp" "$from" "exit 0" "left nothing"
says macvlan-no-dhcp "no address: nobody answered DHCP)" "L1 no-address, undetermined" "exit 3" \
	"left nothing"
says given "192.168.77.200 as given)" "U2 udp-port-blocked, proven" "DHCP for a new client" \
	"exit 2" "left nothing"
says replay "exit 0" "replay 0" "same bytes" "Tested as a client of br-lan"
if python3 -c 'import jsonschema' 2>/dev/null; then
	python3 - "$out/json.out" <<'END'
import json, jsonschema, sys
run = json.load(open(sys.argv[1]))
jsonschema.validate(run, json.load(open("docs/report.schema.json")))
seen = run["network"]["vantage"]
client = seen["as_client"]
ok = (client["name"], client["dhcp"], client["server"], seen["forwards"], run["network"]["resolvers"]) == \
    ("br-lan", "bound", "192.168.77.1", False, ["192.168.77.1"])
print("ok as-client-json" if ok else f"not ok as-client-json: {seen}")
END
else
	echo "skip as-client-json: no python3-jsonschema"
fi

# ---- what is refused: one line each, and nothing left ----
refused() { # NAME EXIT WANTED ARGUMENTS...: on the gateway
	local name=$1 code=$2 want=$3
	shift 3
	in_lab "$name" gateway-host "ip link add none0 type bridge; ip link set none0 up
		host_state >/dev/shm/before; sallyport check $*; echo \"exit \$?\"; left"
	echo "lines $(wc -l <"$out/$name.err")" >>"$out/$name.out"
	says "$name" "$want" "exit $code" "left nothing" "lines 1"
}
refused no-interface 69 "no interface named 'nonesuch'" --as-client nonesuch &
refused loopback 69 "lo carries no Ethernet" --as-client lo &
refused bridge-port 69 "lan0 belongs to a bridge or bond" --as-client lan0 &
refused empty-bridge 69 "none0 is a bridge without ports" --as-client none0 &
refused taken 69 "192.168.77.10, of --client-address, is in use on br-lan by" --as-client br-lan \
	--client-address 192.168.77.10/24 &
refused gateways-own 69 "192.168.77.1, of --client-address, is in use" --as-client br-lan --client-address 192.168.77.1/24 &
refused no-address-at-all 64 "is not ADDR/PREFIX" --as-client br-lan --client-address 192.168.77.9 &
refused ipv6 64 "IPv4 only" --as-client br-lan -6 &
refused two-uplinks 64 "exclude each other" --as-client br-lan -i wan0 &
wait
in_lab not-root gateway-host 'setpriv --reuid=65534 --clear-groups --bounding-set=-all \
	--inh-caps=-all "$(readlink -f "$(command -v sallyport)")" check --as-client br-lan; echo "exit $?"; left'
if grep -q 'exit 126' "$out/not-root.out" || grep -q 'no profile' "$out/not-root.err"; then
	echo "skip as-client-not-root: the program is out of reach of other users"
else
	says not-root "needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN)" "exit 77" "left nothing"
fi
# A host whose LAN port is no bridge has that LAN's gateway in itself: no macvlan reaches it.
SALLYPORT_LAB_GATEWAY="ip link set lan0 nomaster; ip addr flush dev br-lan; ip addr add 192.168.77.1/24 dev lan0" \
	in_lab routed-port gateway-host 'check --as-client lan0; left'
says routed-port "lan0 is no bridge and this host itself routes for its LAN" "exit 69" "left nothing"
# DHCP gives .57, which somebody has.
SALLYPORT_LAB_GATEWAY="ip addr add 192.168.77.57/32 dev br-lan" \
	in_lab conflict gateway-host 'check --as-client br-lan; check -q --as-client br-lan; left'
says conflict "192.168.77.57, which DHCP gave, is in use on br-lan by" "exit 69" \
	"192.168.77.58 by DHCP" "exit 0" "left nothing"

# ---- ends ----
# While it runs the bridge keeps its MAC and MTU. After an orderly end the address is free again,
# after SIGKILL it is not, and either way the port is gone.
ends() { # SIGNAL
	cat <<END
	ip -o link show br-lan >/dev/shm/link
	sallyport check -q --as-client br-lan & pid=\$!
	until_true has_address \$pid || echo "no address"
	ip -o link show br-lan | diff /dev/shm/link - || echo "the bridge changed"
	port_there || echo "no port"
	kill -$1 \$pid; wait \$pid; echo "code \$?"; left; check -q --as-client br-lan
END
}
in_lab end-kill gateway-forward-drop "$(ends KILL)" &
in_lab end-int gateway-forward-drop "$(ends INT)" &
in_lab end-term gateway-forward-drop "$(ends TERM)" &
in_lab int-in-dhcp gateway-host,without=dhcp 'sallyport check --as-client br-lan & pid=$!
	until_true port_there || echo "no port"; kill -INT $pid; wait $pid; echo "exit $?"; left' &
in_lab bridge-vanishes gateway-host,udp-port-blocked 'sallyport check -q --as-client br-lan & pid=$!
	until_true port_there || echo "no port"
	until_true has_address $pid || echo "no address"
	ip link del br-lan; wait $pid; echo "exit $?"; port_there && echo "a port is left"; true' &
wait
says end-kill "code 137" "left nothing" "192.168.77.58 by DHCP" "exit 2"
says end-int "code 3" "left nothing" "192.168.77.57 by DHCP" "exit 2"
says end-term "code 3" "left nothing" "192.168.77.57 by DHCP" "exit 2"
says int-in-dhcp "interrupted before the client on br-lan had an address" "exit 3" "left nothing"
says bridge-vanishes "the client's port on br-lan was taken away during the run" "exit 3"
for f in "$out"/end-*.out "$out"/bridge-vanishes.out; do
	grep -H 'no port\|no address\|bridge changed\|a port is left' "$f" | sed 's/^/not ok as-client-ends: /'
done

# ---- a DHCP server of other people ----
dnsmasq=build/peers/root/usr/sbin/dnsmasq
if [ ! -x $dnsmasq ]; then
	echo "skip as-client-dnsmasq: $(cat build/peers/why-not 2>/dev/null || echo 'no dnsmasq; see make peers')"
else
	# It looks whether the address is in use for 3 s before it offers it.
	SALLYPORT_LAB_GATEWAY="$(realpath $dnsmasq) --no-daemon --port=0 --user=root --interface=br-lan \
		--bind-interfaces --dhcp-range=192.168.77.100,192.168.77.110,255.255.255.0,120 \
		--dhcp-option=6,192.168.77.1 --dhcp-option-force=114,https://portal.example/api \
		--dhcp-option-force=252,http://wpad.example/wpad.dat --dhcp-leasefile=/dev/shm/leases \
		--pid-file= --conf-file=/dev/null --log-facility=- >/dev/shm/log 2>&1 &
		until grep -q 'IP range' /dev/shm/log; do sleep 0.05; done" \
		in_lab dnsmasq gateway-host,without=dhcp 'check --as-client br-lan
		grep -o "DHCPRELEASE(br-lan)" /dev/shm/log; wc -c </dev/shm/leases; left'
	says dnsmasq "by DHCP from 192.168.77.1)" "https://portal.example/api" \
		"http://wpad.example/wpad.dat" "exit 0" "DHCPRELEASE(br-lan) 0 left nothing"
fi
exit 0
