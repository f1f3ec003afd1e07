#!/bin/bash
# The reflector in namespaces: behind real NAT, beside strangers, and in the eyes of coturn's and
# Debian's own STUN clients. What it sends is counted on its interface.
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip reflector: not root (network namespaces)"; exit 0; }
# Namespaces are named in a mount of our own: all of them go when this ends, however it ends.
if [ "${IN_NAMESPACE-}" != yes ]; then
	IN_NAMESPACE=yes exec unshare --mount --net --propagation private bash "$0"
fi
mkdir -p /run/netns && mount -t tmpfs none /run/netns || { echo "skip reflector: no mount"; exit 0; }
out=$(mktemp -d)
chmod 755 "$out"
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$out"' EXIT
ok() { echo "ok reflector-$1"; }
bad() { echo "not ok reflector-$1: $2"; }
check() { # NAME EXPECTED GOT
	if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "expected '$2', got '$3'"; fi
}
within_5s() { # CONDITION...
	local tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 250 ] || return 1
		sleep 0.02
	done
}
in_ns() { ip netns exec "$@"; }
client() { # NAMESPACE SCENARIO ARG... TAG
	in_ns "$1" timeout 60 python3 tests/lab/reflect.py "${@:2}" || bad "$2" "it ended with $?"
}

# ---- networks: far = 192.0.2.1, 192.0.2.2; direct = .50; a device behind each gateway ----
ns() {
	ip netns add "$1"
	ip -n "$1" link set lo up
	in_ns "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
}
wire() { # NAMESPACE ADDRESS...: on the far side's bridge
	ip -n far link add "to-$1" type veth peer name wan0 netns "$1"
	ip -n far link set "to-$1" master br0 up
	for a in "${@:2}"; do ip -n "$1" addr add "$a" dev wan0; done
	ip -n "$1" link set wan0 up
}
ns far
ip -n far link add br0 type bridge
for a in 192.0.2.1/24 192.0.2.2/24 2001:db8:1::1/64; do ip -n far addr add $a dev br0; done
ip -n far link set br0 up
ns direct
wire direct 192.0.2.50/24 2001:db8:1::50/64
gateway() { # NAME NUMBER MASQUERADE-FLAGS MORE-RULES
	ns "gw-$1"
	ns "dev-$1"
	wire "gw-$1" "192.0.2.1$2/24"
	ip -n "gw-$1" link add lan0 type veth peer name eth0 netns "dev-$1"
	ip -n "gw-$1" addr add "10.7.$2.1/24" dev lan0
	ip -n "gw-$1" link set lan0 up
	ip -n "dev-$1" addr add "10.7.$2.2/24" dev eth0
	ip -n "dev-$1" link set eth0 up
	ip -n "dev-$1" route add default via "10.7.$2.1"
	in_ns "gw-$1" nft -f - <<-END
		table ip nat {
			chain out { type nat hook postrouting priority 100; oifname "wan0" masquerade $3; }
			chain in { type nat hook prerouting priority -100; $4 }
		}
		table ip filter {
			chain input { type filter hook input priority 0; iifname "wan0" ct state new,invalid drop; }
		}
	END
	in_ns "gw-$1" sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_udp_timeout=4
}
gateway plain 1 "" ""
gateway random 2 "random,fully-random" ""
gateway cone 3 "" 'iifname "wan0" ip protocol udp dnat to 10.7.3.2;'

# Own protocol and errors, each way and peer, IP bytes.
in_ns far nft -f - <<'END'
table inet count {
	set in4 { type ipv4_addr; flags dynamic; counter; }
	set out4 { type ipv4_addr; flags dynamic; counter; }
	set in6 { type ipv6_addr; flags dynamic; counter; }
	set out6 { type ipv6_addr; flags dynamic; counter; }
	chain came {
		type filter hook input priority 0;
		meta l4proto udp @th,64,8 0xf5 ip version 4 add @in4 { ip saddr }
		meta l4proto udp @th,64,8 0xf5 ip6 version 6 add @in6 { ip6 saddr }
	}
	chain went {
		type filter hook output priority 0;
		meta l4proto udp @th,64,8 0xf5 ip version 4 add @out4 { ip daddr }
		icmp type destination-unreachable add @out4 { ip daddr }
		meta l4proto udp @th,64,8 0xf5 ip6 version 6 add @out6 { ip6 daddr }
		icmpv6 type destination-unreachable add @out6 { ip6 daddr }
	}
}
END
counted() { # SET: lines of address and bytes
	in_ns far nft -j list set inet count "$1" | python3 -c '
import json, sys
for e in json.load(sys.stdin)["nftables"][-1]["set"].get("elem", []):
    print(e["elem"]["val"], e["elem"]["counter"]["bytes"])'
}

reflector() { # FLAGS...: in the far side, from then on $server
	ip netns exec far "$S" reflector -v "$@" 2>"$out/server.err" &
	server=$!
	within_5s grep -q 'listens on.*:5684' "$out/server.err" || bad starts "$(cat "$out/server.err")"
}
end_reflector() { # leaves $code
	kill -TERM "$server"
	wait "$server"
	code=$?
	server=""
}
two="--listen 192.0.2.1 --listen 192.0.2.2 --listen 2001:db8:1::1"
printf 'a secret that is long enough' >"$out/secret"
printf 'the key of those who may\n' >"$out/key"
printf 'the key of those who may' >"$out/key.bytes"

# ---- our own protocol ----
reflector $two --secret "$out/secret"
client direct session 192.0.2.1 5684 direct
client direct session 2001:db8:1::1 5684 direct-ipv6
{ client dev-plain session 192.0.2.1 5684 nat; client dev-plain lifetime 192.0.2.1 4 lifetime; } >"$out/plain" &
others=$!
client dev-random session 192.0.2.2 5684 random-nat >"$out/random" &
others="$others $!"
client direct refusals 192.0.2.1 "$out/secret" -
wait $others
cat "$out/plain" "$out/random"
client direct garbage 192.0.2.1 -
client direct forge 192.0.2.1 192.0.2.13 -
client direct twin 192.0.2.1 -
client direct pending 192.0.2.1 \
	'nft add table ip cut && nft add chain ip cut in "{ type filter hook input priority 0; }" && nft add rule ip cut in tcp sport 5684 drop' \
	'nft delete table ip cut' -
client direct stun 192.0.2.1 2001:db8:1::1 -
client direct rate 192.0.2.1 50 -
rss=$(awk '/^VmHWM/ { print $2 }' /proc/$server/status)
case $S in
*asan*) echo "skip reflector-memory: a sanitizer has its own" ;;
*) [ "$rss" -lt 10240 ] && ok memory || bad memory "$rss KiB" ;;
esac

# ---- what was counted: no peer got more than it sent, the one whose address was forged neither ----
why=""
for v in 4 6; do
	counted in$v | sort >"$out/in$v"
	counted out$v | sort >"$out/out$v"
	why=$why$(join -a 2 -e 0 -o 0,1.2,2.2 "$out/in$v" "$out/out$v" | awk '$3 > $2 { printf "%s sent %d, got %d; ", $1, $2, $3 }')
done
check bytes-out-below-bytes-in "" "$why"
[ "$(wc -l <"$out/out4")" -ge 4 ] && [ -s "$out/out6" ] && ok bytes-were-counted || bad bytes-were-counted "$(cat "$out"/out?)"

# ---- restart: without a secret all is void, with one nothing is ----
client direct keep 192.0.2.1 "$out/kept" -
end_reflector
check ends-orderly 0 "$code"
check one-line-at-the-end 1 "$(grep -c 'datagrams.*STUN.*poke.*dropped.*TCP' "$out/server.err")"
reflector $two --secret "$out/secret"
client direct resume 192.0.2.1 "$out/kept" 0 with-secret
end_reflector
reflector $two
client direct resume 192.0.2.1 "$out/kept" 1 without-secret
kill -INT "$server"
wait "$server"
check ends-on-interrupt 0 $?
server=""
reflector --shared-key "$out/key" # and on every address: answers come from the one that was asked
client direct keyed 192.0.2.2 "$out/key.bytes" -
client direct stun 192.0.2.2 2001:db8:1::1 - | sed 's/reflector-/reflector-any-/'
end_reflector

# ---- what it cannot have ----
refused() { # NAME CODE TEXT COMMAND...
	timeout 10 "${@:4}" >"$out/text" 2>&1
	check "$1-code" "$2" $?
	[ "$(wc -l <"$out/text")" = 1 ] && grep -qF "$3" "$out/text" && ok "$1-says" || bad "$1-says" "$(cat "$out/text")"
}
reflector --listen 192.0.2.1
refused port-in-use 69 "cannot listen on 192.0.2.1:3478 (UDP): Address already in use" \
	ip netns exec far "$S" reflector --listen 192.0.2.1
refused port-in-use-by-all 69 "Address already in use" ip netns exec far "$S" reflector
end_reflector
refused address-not-ours 69 "cannot listen on 192.0.2.77:3478 (UDP): Cannot assign requested address" \
	ip netns exec far "$S" reflector --listen 192.0.2.77
refused secret-short 78 "at least 16 bytes" "$S" reflector --secret <(echo short)
refused secret-missing 69 "No such file" "$S" reflector --secret "$out/none"
user="setpriv --reuid=65534 --regid=65534 --clear-groups"
if $user test -x "$S"; then
	refused low-port 77 "cannot listen on 0.0.0.0:53 (UDP): Permission denied" \
		ip netns exec far $user "$S" reflector -4 --port 53
	ip netns exec far $user "$S" reflector -v 2>"$out/server.err" &
	server=$!
	within_5s grep -q 'no raw socket' "$out/server.err" && ok ordinary-user || bad ordinary-user "$(cat "$out/server.err")"
	client direct session 192.0.2.1 5684 ordinary-user
	end_reflector
	ip netns exec far $user --inh-caps=+net_raw,+net_bind_service --ambient-caps=+net_raw,+net_bind_service \
		"$S" reflector -v --port 53 --port 3478 2>"$out/server.err" &
	server=$!
	within_5s grep -q 'listens on.*:53,' "$out/server.err"
	check capabilities-given-up 0000000000000000 "$(awk '/^CapEff/ { print $2 }' /proc/$server/status)"
	client direct session 192.0.2.1 53 ambient
	end_reflector
else
	echo "skip reflector-ordinary-user: other users may not run $S"
fi

# ---- real clients, with --rfc5780 ----
if [ ! -e build/peers/root/usr/bin/stun ]; then
	echo "skip reflector-peers: $(cat build/peers/why-not 2>/dev/null || echo 'nothing under build/peers (make peers)')"
	exit 0
fi
export PEERS=$PWD/build/peers
peer() { # NAMESPACE PROGRAM ARG...
	in_ns "$1" timeout 30 bash tests/lab/peer.sh run "${@:2}" 2>&1
}
says() { # NAME FILE TEXT
	grep -qiF "$3" "$2" && ok "$1" || bad "$1" "$(tail -n 6 "$2" | tr '\n' '|')"
}
reflector --rfc5780 --listen 192.0.2.1 --listen 192.0.2.2
others=""
for kind in plain random cone; do
	{
		peer dev-$kind turnutils_natdiscovery -m -f -p 3478 192.0.2.1 >"$out/nd.$kind"
		peer dev-$kind stun 192.0.2.1 >"$out/stun.$kind"
		echo $? >"$out/stun.$kind.code"
	} &
	others="$others $!"
done
{
	peer direct turnutils_natdiscovery -m -P -p 3478 192.0.2.1 >"$out/nd.direct"
	peer direct turnutils_stunclient -p 3478 192.0.2.1 >"$out/sc"
	peer direct turnutils_stunclient -f -p 5684 192.0.2.1 >"$out/sc.force"
	peer direct stun 192.0.2.1 >"$out/stun.direct"
} &
others="$others $!"
peer dev-plain turnutils_natdiscovery -t -T 2 -p 3478 192.0.2.2 >"$out/nd.alive" &
others="$others $!"
peer dev-random turnutils_natdiscovery -t -T 6 -p 3478 192.0.2.2 >"$out/nd.dead" &
wait $others $!
[ -z "${KEEP-}" ] || cp "$out"/nd.* "$out"/sc* "$out"/stun.* "$KEEP"
# the verdicts that they give with coturn on the far side
says natdiscovery-plain "$out/nd.plain" "Endpoint Independent Mapping"
says natdiscovery-plain-filter "$out/nd.plain" "Address and Port Dependent Filtering"
says natdiscovery-random "$out/nd.random" "Address and Port Dependent Mapping"
says natdiscovery-random-filter "$out/nd.random" "Address and Port Dependent Filtering"
says natdiscovery-cone "$out/nd.cone" "Endpoint Independent Mapping"
says natdiscovery-cone-filter "$out/nd.cone" "Endpoint Independent Filtering"
says natdiscovery-padding "$out/nd.direct" "Endpoint Independent Mapping"
says natdiscovery-lifetime "$out/nd.alive" "RFC 5780 response 2"
says natdiscovery-lifetime-over "$out/nd.dead" "STUN receive timeout"
says stunclient "$out/sc" "192.0.2.50"
says stunclient-changes "$out/sc.force" "192.0.2.50"
says stun-plain "$out/stun.plain" "Independent Mapping, Port Dependent Filter"
says stun-random "$out/stun.random" "Dependent Mapping, random port"
says stun-cone "$out/stun.cone" "Independent Mapping, Independent Filter"
says stun-direct "$out/stun.direct" "Open"
check stun-codes "23 24 19" "$(echo $(cat "$out/stun.plain.code" "$out/stun.random.code" "$out/stun.cone.code"))"
end_reflector
