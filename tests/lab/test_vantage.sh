#!/bin/bash
# `check` where its host does not stand where a device would: behind a VPN, a second uplink, a stub
# resolver, a proxy, a portal ... each row beside its look-alike and a clean one; then what may go
# wrong on the host itself. The labs run side by side, a dozen at a time.
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip lab-vantage: not root (network namespaces)"; exit 0; }
out=$(mktemp -d)
chmod 755 "$out" # for the run without privileges
trap 'rm -rf "$out"' EXIT
export OUT=$out

skip() { echo "skip lab-vantage-$1: $2"; }
[ -e /dev/net/tun ] || no_tun="no /dev/net/tun"
[ -e /proc/sys/net/ipv6 ] || no_six="a kernel without IPv6"

# name, lab, arguments of check, exit code, words that must stand in the report and words that must
# not (between semicolons)
scenarios() {
	cat <<'END'
clean|clean||0|Seen from eth0 (ethernet;another MAC address, VLAN or SSID: rules may differ;joining the Wi-Fi, 802.1X;DHCP for a new client|FAIL;tunnel;this host itself asks;Not tested: the other;forwards for
vpn-clean|vpn-clean||0|This host's own traffic leaves by the tunnel tun0; these checks went past it, by eth0|FAIL;(H
vpn-default|vpn-default||2|U2 udp-port-blocked, proven for this host, likely for devices;leaves by the tunnel tun0; these checks went past it;This host itself asks 10.8.0.1 (tunnel) for names; devices do not;taken from dhclient's lease|(H
vpn-default-by-vpn|vpn-default|-i tun0|0|Seen from tun0 (tunnel;what lies outside of it was not seen|FAIL
vpn-by-rule|vpn-by-rule||2|U2 udp-port-blocked, proven for this host, likely for devices;leaves by the tunnel tun0; these checks went past it|(H
vpn-took-route|vpn-took-route||3|H2 vpn-took-route;it left no route by eth0, so the network was not tested;CONTACTED (0 packets|went past it;C6
vpn-killswitch|vpn-killswitch||3|H3 vpn-killswitch;let nothing past it, so the network was not tested|went past it;(L4;(D1;ASK FOR
vpn-killswitch-lan|vpn-killswitch-lan||3|H3 vpn-killswitch;let nothing past it|went past it;(L4;ASK FOR
vpn-own-rule|vpn-own-rule||2|L4 own-firewall, proven for this host|H3;U2
two-uplinks|two-uplinks||2|Seen from eth0;U2 udp-port-blocked, proven;Not tested: the other default route of this host, by eth1 (gateway 203.0.113.25)|U4
two-uplinks-i-eth1|two-uplinks|-i eth1|0|Seen from eth1;Not tested: the other default route of this host, by eth0 (gateway 192.168.77.1)|FAIL
two-uplinks-second|two-uplinks-second||0|Seen from eth1;Not tested: the other default route of this host, by eth0|FAIL
two-uplinks-i-eth0|two-uplinks-second|-i eth0|2|Seen from eth0;U2 udp-port-blocked, proven|U4
stub-resolver|stub-resolver||2|D6 dns-policy-block, proven;This host itself asks 127.0.0.53 (loopback) for names; devices do not;taken from systemd-resolved|H6
stub-networkmanager|stub-networkmanager||2|D6 dns-policy-block, proven;taken from NetworkManager|H6
stub-dhclient|stub-dhclient||2|D6 dns-policy-block, proven;taken from dhclient's lease|H6
stub-clean|stub-clean||0|This host itself asks 127.0.0.53 (loopback) for names|FAIL;H6
stub-only|stub-only||3|H6 resolver-unknown;asks 127.0.0.53 (loopback) for names; devices do not, and whom they would ask is not known|FAIL;D1
stub-stale-lease|stub-stale-lease||3|H6 resolver-unknown|FAIL;D1;10.1.1.1
nat64-only|nat64-only||2|V1 nat64-only, proven;makes IPv6 answers for IPv4-only names|L1
ipv4-off|ipv4-off||2|V1 nat64-only, likely;Looks like this network has IPv6 only;this host's own settings|proven
dual-stack|dual-stack||0|fd00:77::10/64|FAIL;V1
clat|clat||3|H4 clat-only;192.0.0.0/29|FAIL;V1
proxy-only|proxy-only||2|P4 proxy-required, proven;People use the proxy 192.168.77.1:3128; devices cannot;CONNECT with status 200|FAIL No UDP
proxy-login|proxy-login||2|P4 proxy-required, proven;CONNECT with status 407|secret;alice
proxy-wpad|proxy-wpad||2|P4 proxy-required, proven;DHCP names a web proxy to people's programs (http://192.168.77.1:3128/wpad.dat)|
proxy-left-over|proxy-left-over||2|U1 udp-all-blocked, likely;use the web proxy 10.99.0.1:3128 (http_proxy)|P4
proxy-left-over-wpad|proxy-left-over,proxy-wpad||2|P4 proxy-required, proven;People use the proxy 192.168.77.1:3128; devices cannot|
proxy-clean|proxy-clean||0|People's programs here use the web proxy 192.168.77.1:3128|FAIL;P4;tcp 3128
portal-passed|portal-passed||0|none was seen from this MAC; one already passed cannot be seen|FAIL;(P1
portal-shut|portal-shut||2|P1 captive-http, likely|one already passed;proven
portal-dhcp|portal-dhcp||2|P1 captive-http, proven;option 114|one already passed
mac-allowlist|mac-allowlist||2|U1 udp-all-blocked, likely;network access control on this MAC|proven
mac-allowed|mac-allowed||0|another MAC address, VLAN or SSID: rules may differ for the devices' own|FAIL
docker-host|docker-host||0|Seen from eth0|FAIL;H1;forwards for
host-forwards|host-forwards||3|This host forwards for lan1: its own packets skip the rules;H1 host-forwards|FAIL
END
}

# The same with a command of its own, which calls `check` with its arguments ("$@").
# A hostile lease: escapes, addresses that are none; then with a name of 300 kB; then the same with an
# honest lease at its end, where dhclient puts the newest.
hostile_lease() { # LONG HONEST
	printf 'lease {\n  interface "eth0";\n  fixed-address 192.168.77.10;\n'
	printf '  option domain-name-servers 999.1.1.1, 0x7f.1, ::gg, 1.2.3, \033[31m, 10.1.1.256;\n'
	printf '  option domain-name "\033]0;x\007\377.example";\n'
	printf '  option wpad "http://\033]0;x\007/wpad.dat";\n'
	printf '  option unknown-114 "https://portal.example/\033[2J\302\2331m";\n'
	[ -z "$1" ] || printf '  option host-name "%300000s";\n' ""
	printf '}\n'
	[ -z "$2" ] || printf 'lease {\n  interface "eth0";\n  fixed-address 192.168.77.10;\n  option domain-name-servers 192.168.77.1;\n}\n'
}
LEASE=/var/lib/dhcp/dhclient.eth0.leases
with_lease() { hostile_lease "$1" "$2" >$LEASE; shift 2; sallyport check "$@"; }
# A lease that is a pipe nobody writes to.
with_pipe() { rm $LEASE; mkfifo $LEASE; sallyport check "$@"; }
unprivileged() { setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs sallyport check "$@"; }
no_bind() { python3 tests/lab/no_bind.py sallyport check "$@"; }
# Packets that only seem to be kept on the uplink: what these rows are for.
not_kept() { python3 tests/lab/no_bind.py --pretend sallyport check "$@"; }
# Something happens to the link once the handshake has begun.
under_way() { # LINE: what happens
	local line=$1 file i
	shift
	file=$(mktemp "$OUT/under_way.XXXXXX") # a process number is not unique among labs
	sallyport check "$@" >"$file" &
	for ((i = 0; i < 400; i++)); do
		grep -q '"udp5684.hello"' "$file" && break
		sleep 0.05
	done
	eval "$line"
	wait $!
	local code=$?
	cat "$file"
	return $code
}
readdress='ip addr del 192.168.77.10/24 dev eth0; ip addr add 192.168.77.20/24 dev eth0; ip route add default via 192.168.77.1'
export readdress LEASE
export -f hostile_lease with_lease with_pipe unprivileged no_bind not_kept under_way

accidents() {
	cat <<'END'
lease-hostile|stub-dhclient|with_lease "" ""|3|H6 resolver-unknown;\x1b|FAIL
lease-hostile-long|stub-dhclient|with_lease long ""|3|H6 resolver-unknown|FAIL
lease-long-honest|stub-dhclient|with_lease long honest|2|D6 dns-policy-block, proven;taken from dhclient's lease|H6
lease-pipe|stub-dhclient|with_pipe|3|H6 resolver-unknown|FAIL
not-kept-by-vpn|vpn-default|not_kept|0|can reach their cloud|FAIL
not-kept-by-eth1|two-uplinks|not_kept -i eth1|2|Seen from eth1|YES - can reach their cloud from here Photon
unprivileged|vpn-default|unprivileged|2|U2 udp-port-blocked, proven for this host|(H
interface-vanishes|udp-port-blocked|under_way "ip link del eth0"|3|eth0 went away during the run: what follows rests on the link as it was;H5 link-changed|FAIL The;U2
interface-down|udp-port-blocked|under_way "ip link set eth0 down"|3|H5 link-changed|FAIL The;U2
address-changes|udp-port-blocked|under_way "$readdress"|3|eth0 changed its address or route during the run;H5 link-changed|FAIL The;U2
address-changes-late|clean|under_way "$readdress"|0|can reach their cloud from here|FAIL
address-stays|udp-port-blocked|under_way "ip addr add 192.168.77.99/24 dev eth0"|2|U2 udp-port-blocked, proven|H5
END
}

one() { # NAME LAB COMMAND: its stream, and the report made of it
	timeout 120 "$S" lab "$2" -- bash -c "$3 -o ndjson" >"$out/$1.ndjson" 2>"$out/$1.err" </dev/null
	echo $? >"$out/$1.code"
	timeout 20 "$S" replay "$out/$1.ndjson" >"$out/$1.text" 2>>"$out/$1.err"
}

wanted() { # NAME LAB: false, and said why, where this machine cannot
	case $2 in
	vpn-*) [ -z "$no_tun" ] ;;
	nat64-only | ipv4-off | dual-stack) [ -z "$no_six" ] ;;
	esac
}

# The rows' files are the lab's alone.
places() { ls -ld "$LEASE" /var/lib/dhcp /run/NetworkManager /run/systemd/resolve /run/systemd/resolve/netif/10 2>&1; }
before=$(places)

while IFS='|' read -r name lab args code want deny; do
	wanted "$name" "$lab" || continue
	while [ "$(jobs -rp | wc -l)" -ge 12 ]; do wait -n; done
	one "$name" "$lab" "sallyport check $args" &
done < <(scenarios)
while IFS='|' read -r name lab command code want deny; do
	wanted "$name" "$lab" || continue
	while [ "$(jobs -rp | wc -l)" -ge 12 ]; do wait -n; done
	one "$name" "$lab" "$command" &
done < <(accidents)
wait

status=0
while IFS='|' read -r name lab args code want deny; do
	wanted "$name" "$lab" || { skip "$name" "${no_tun:-$no_six}"; continue; }
	why="" text=$(tr -s ' \n' ' ' <"$out/$name.text") # the report wraps its lines
	[ "$(cat "$out/$name.code")" = "$code" ] || why="exit $(cat "$out/$name.code"), not $code; "
	while IFS= read -r word; do
		[ -z "$word" ] || grep -qF -- "$word" <<<"$text" || why="${why}lacks '$word'; "
	done < <(sed 's/;\([^ ]\)/\n\1/g' <<<"$want")
	while IFS= read -r word; do
		[ -n "$word" ] && grep -qF -- "$word" <<<"${text/proven for this host, likely for devices/}" && why="${why}says '$word'; "
	done < <(sed 's/;\([^ ]\)/\n\1/g' <<<"$deny")
	LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$out/$name.text" "$out/$name.ndjson" && why="${why}raw control bytes; "
	[ -s "$out/$name.err" ] && why="${why}stderr: $(head -n 3 "$out/$name.err" | tr '\n' ' ')"
	if [ -z "$why" ]; then echo "ok lab-vantage-$name"; else echo "not ok lab-vantage-$name: $why"; status=1; fi
done < <(scenarios; accidents)

if [ "$(places)" = "$before" ]; then
	echo "ok lab-vantage-host-untouched"
else
	echo "not ok lab-vantage-host-untouched: $(places | tr '\n' ' ')"
	status=1
fi

# Without the right to keep packets on the uplink: one line, and no run at all.
for lab in clean vpn-default; do
	wanted no-bind $lab || continue
	"$S" lab $lab -- bash -c no_bind >"$out/text" 2>"$out/err"
	code=$?
	if [ $code != 77 ] || [ -s "$out/text" ] || [ "$(wc -l <"$out/err")" != 1 ] || ! grep -q 'SO_BINDTODEVICE' "$out/err"; then
		echo "not ok lab-vantage-no-bind-$lab: exit $code, $(head -n 3 "$out/text" "$out/err" | tr '\n' ' ')"
		status=1
	else
		echo "ok lab-vantage-no-bind-$lab"
	fi
done
exit $status
