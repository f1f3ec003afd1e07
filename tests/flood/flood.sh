#!/bin/bash
# A million datagrams from as many senders, all made up, at a reflector in namespaces: what it uses,
# what it answers, and that it still serves. `make flood`; not part of make check. flood.sh BUILD
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "$1/bin/sallyport") F=$(realpath "$1/tests/flood/flood")
COUNT=${FLOOD_COUNT:-1000000}
if [ "${IN_NAMESPACE-}" != yes ]; then
	IN_NAMESPACE=yes exec unshare --mount --net --propagation private bash "$0" "$@"
fi
mkdir -p /run/netns && mount -t tmpfs none /run/netns || exit 1
out=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$out"' EXIT
status=0
tell() { # NAME WHAT TEST...
	if test "${@:3}"; then echo "ok flood-$1: $2"; else echo "not ok flood-$1: $2"; status=1; fi
}
for n in far sky; do
	ip netns add $n
	ip -n $n link set lo up
	ip netns exec $n sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
done
ip -n far link add eth0 type veth peer name eth0 netns sky
for n in far sky; do ip -n $n link set eth0 up; done
ip -n far addr add 192.0.2.1/24 dev eth0
ip -n far addr add 2001:db8:ffff::1/64 dev eth0
ip -n sky addr add 192.0.2.254/24 dev eth0
ip -n sky addr add 2001:db8:ffff::fe/64 dev eth0
sky=$(ip netns exec sky cat /sys/class/net/eth0/address) far=$(ip netns exec far cat /sys/class/net/eth0/address)
for a in 192.0.2.254 2001:db8:ffff::fe; do
	ip -n far neigh replace $a lladdr "$sky" dev eth0 nud permanent
	ip -n far route add default via $a
done
ip netns exec far nft -f - <<'END'
table inet count {
	counter came { }
	counter went { }
	chain in { type filter hook input priority 0; meta l4proto udp @th,64,8 0xf5 counter name came; }
	chain out { type filter hook output priority 0; meta l4proto udp @th,64,8 0xf5 counter name went; }
}
END
bytes() { ip netns exec far nft list counter inet count "$1" | sed -n 's/.*bytes \([0-9]*\).*/\1/p'; }
ip netns exec far "$S" reflector -v 2>"$out/err" &
server=$!
tries=0
until grep -q 'listens on.*:5684' "$out/err"; do
	tries=$((tries + 1))
	[ $tries -lt 250 ] || { echo "not ok flood-starts: $(cat "$out/err")"; exit 1; }
	sleep 0.02
done
rss() { awk '/^VmHWM/ { print $2 }' /proc/$server/status; }
before=$(rss)
began=$SECONDS
ip netns exec sky "$F" eth0 "$far" 192.0.2.1 2001:db8:ffff::1 "$COUNT" >"$out/sent" || echo "not ok flood-sender: $?"
took=$((SECONDS - began))
after=$(rss)
ip netns exec sky timeout 20 python3 tests/lab/reflect.py session 192.0.2.1 5684 after-the-flood
kill "$server"
wait "$server"
server=""
seen=$(sed -n 's/.* s, \([0-9]*\) datagrams.*/\1/p' "$out/err" | tail -n 1)
tail -n 1 "$out/err"
tell seen "$seen of $(cat "$out/sent") datagrams in $took s" "${seen:-0}" -ge $((COUNT / 10 * 9))
tell memory "resident at most $after KiB, $before before" "$after" -lt 10240
tell bytes "own protocol $(bytes came) bytes in, $(bytes went) out" "$(bytes went)" -le "$(bytes came)"
exit $status
