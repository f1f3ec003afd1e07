#!/bin/bash
# The lab itself: it leaves nothing behind, whatever ends it, and it passes CMD's fate on.
# Needs root (it also runs labs as nobody). SALLYPORT names the program.
set -u
cd "$(dirname "$0")/../.." || exit 1
SALLYPORT=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
export SALLYPORT_LAB_MARK=mark-$$-$RANDOM # every process of our labs carries it
tmp=$(mktemp -d)
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT
ok() { echo "ok $1"; }
bad() { echo "not ok $1: $2"; }
check() { # NAME EXPECTED GOT
	if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "expected '$2', got '$3'"; fi
}
until_true() { # CONDITION...: within 10 s
	local end=$((SECONDS + 10))
	until "$@"; do
		[ $SECONDS -ge $end ] && return 1
		sleep 0.02
	done
}
marked() { # namespaces that processes of our labs are in
	grep -lz "^SALLYPORT_LAB_MARK=$SALLYPORT_LAB_MARK$" /proc/[0-9]*/environ 2>/dev/null |
		sed 's/environ$/ns\/net/' | xargs -r -n 1 readlink 2>/dev/null |
		grep -vxF "$(readlink /proc/self/ns/net)"
}
none_left() { [ -z "$(marked)" ]; }
host_state() {
	ip -o link | sed 's/ state .*//'
	ip netns
	ip -o addr
	ip route
	cat /proc/self/mounts
	nft list ruleset
	cat /etc/resolv.conf
	grep -rHs . /proc/sys/net | grep -v _count: | sort
	ls /dev/shm
}
lab() { "$SALLYPORT" lab "$@"; }
if [ "$(id -u)" -ne 0 ]; then
	echo "skip lab-itself: needs root"
	exit 0
fi
host_state >"$tmp/before" 2>&1

# ---- what CMD sees ----
view='ip -4 -o addr show eth0 | grep -o "inet [0-9./]*"; ip route show default; cat /etc/resolv.conf
readlink "$(command -v sallyport)"; ls "$SALLYPORT_IDENTITY_KEY" "$SSL_CERT_FILE" | wc -l; pwd; echo "${https_proxy-none}"'
seen=$(https_proxy=http://10.0.0.1 lab clean -- sh -c "$view" 2>&1)
check device-view "inet 192.168.77.10/24
default via 192.168.77.1 dev eth0 
nameserver 192.168.77.1
$SALLYPORT
2
$PWD
none" "$seen"
check no-host-processes 1 "$(lab clean -- sh -c 'ls -d /proc/1 /proc/[0-9]* | sort -u | xargs -n1 basename | sort -n | head -n 1')"
check no-resolver "" "$(lab no-resolver -- grep nameserver /etc/resolv.conf)"
check no-address "" "$(lab no-address -- ip -4 -o addr show eth0)"
check no-route "" "$(lab no-route -- ip route show default)"
check carrier-up 0 "$(lab clean,delay=1 -- ip -br link show eth0 | grep -vc ' UP ')"

# ---- CMD's fate ----
lab clean -- sh -c 'exit 7'; check exit-code 7 $?
lab clean -- sh -c 'kill -TERM $$'; check killed-by-signal 143 $?
lab clean -- sh -c 'kill -SEGV $$' 2>/dev/null; check crash-of-cmd 139 $?
check stdin passed "$(echo passed | lab clean -- cat)"
lab clean -- ./no-such-program 2>"$tmp/err"; check no-such-cmd 127 $?
lab clean -- /etc/passwd 2>/dev/null; check no-program 126 $?
check one-line-no-such-cmd 1 "$(wc -l <"$tmp/err")"
lab no-such-fault -- true 2>/dev/null; check no-such-fault 64 $?
lab dns-empty,dns-refused -- true 2>/dev/null; check conflicting-faults 64 $?
lab delay=fast -- true 2>/dev/null; check bad-value 64 $?
lab 2>/dev/null; check no-fault-named 64 $?
lab list >/dev/full 2>/dev/null; check list-on-full-disk 74 $?
check list-columns 4 "$(lab list -q | awk -F'\t' '{print NF}' | sort -u)"

# ---- every row can be set up ----
broken=$(lab list -q | cut -f1 | while read -r f; do lab "$f" -- true </dev/null || echo "$f"; done 2>&1)
check every-fault-sets-up "" "$broken"
lab udp-port-blocked,ntp-blocked,second=1 -- true 2>/dev/null; check unknown-knob 64 $?
lab double-nat,routers-rate-limited,delay=2,jitter=1,loss=0.01,reorder=0.1,seed=5 -- true
check faults-combine 0 $?

# ---- hooks, left-out servers ----
hook='touch "$LAB_DIR/here"; ip -4 -o addr show lo | grep -c 198.51.100 >"$LAB_DIR/far"; tail -f /dev/null &'
seen=$(SALLYPORT_LAB_FAR=$hook lab clean,without=dtls+ntp -- sh -c 'cd "${SSL_CERT_FILE%/*}"; ls here; cat far')
check far-hook "here
7" "$seen"
SALLYPORT_LAB_GATEWAY='exit 3' lab clean -- true 2>"$tmp/err"; check failing-hook 69 $?
grep -q 'SALLYPORT_LAB_GATEWAY ended with 3' "$tmp/err" && ok hook-named || bad hook-named "$(cat "$tmp/err")"

# ---- a server that dies ----
kill_one='for p in /proc/[0-9]*; do p=${p#/proc/}; [ "$p" -gt 1 ] && [ "$(readlink /proc/$p/exe)" = '$SALLYPORT' ] && kill -9 $p && break; done; tail -f /dev/null'
lab clean -- sh -c "$kill_one" 2>"$tmp/err"; check dead-server 69 $?
grep -q 'servers was killed by signal 9' "$tmp/err" && ok dead-server-named ||
	bad dead-server-named "$(cat "$tmp/err")"

# ---- teardown ----
for signal in INT TERM HUP KILL; do
	rm -f "$tmp/up"
	"$SALLYPORT" lab clean,delay=1 -- sh -c "touch $tmp/up; trap '' HUP; setsid tail -f /dev/null & exec tail -f /dev/null" &
	pid=$!
	until_true test -e "$tmp/up" || bad "teardown-$signal" "CMD did not start"
	[ "$(marked | sort -u | wc -l)" -ge 4 ] || bad "teardown-$signal" "its processes were not seen"
	kill -$signal $pid
	wait $pid 2>/dev/null
	code=$?
	until_true none_left && ok "teardown-$signal-leaves-nothing" || bad "teardown-$signal-leaves-nothing" "$(marked)"
	[ $code -gt 128 ] && ok "teardown-$signal-code" || bad "teardown-$signal-code" "exit code $code"
done
lab clean -- sh -c 'setsid tail -f /dev/null & kill -KILL $$' 2>/dev/null
none_left && ok crash-leaves-nothing || bad crash-leaves-nothing "$(marked)"

# ---- many at once ----
one() {
	lab clean,delay=3 -- sh -c 'ip route get 198.51.100.10 | grep -q "via 192.168.77.1 dev eth0 src 192.168.77.10" && exec cat /etc/resolv.conf'
}
start=$(date +%s%N)
for i in $(seq 12); do one >"$tmp/many.$i" 2>&1 & done
wait
ms=$((($(date +%s%N) - start) / 1000000))
check twelve-at-once 12 "$(grep -lx 'nameserver 192.168.77.1' "$tmp"/many.* | wc -l)"
[ $ms -lt 9000 ] && ok "twelve-at-once-in-time ($ms ms)" || bad twelve-at-once-in-time "$ms ms"
best=99999
for i in 1 2 3; do
	start=$(date +%s%N)
	lab clean -- true
	ms=$((($(date +%s%N) - start) / 1000000))
	[ $ms -lt $best ] && best=$ms
done
[ $best -lt 700 ] && ok "one-lab-in-time ($best ms)" || bad one-lab-in-time "$best ms"

# ---- on a terminal ----
python3 tests/lab/terminal.py "$SALLYPORT"

# ---- without root ----
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
if as_nobody test -x "$SALLYPORT" && as_nobody unshare -Urn true 2>/dev/null; then
	check as-nobody "nameserver 192.168.77.1" "$(as_nobody "$SALLYPORT" lab udp-port-blocked,delay=1 -- cat /etc/resolv.conf 2>&1)"
	as_nobody "$SALLYPORT" lab udp-port-blocked -- sallyport check -q >"$tmp/out" 2>"$tmp/err"
	check as-nobody-check 2 $?
	check as-nobody-silent "" "$(cat "$tmp/err")"
	for cap in sys_admin net_admin net_raw net_bind_service; do
		setpriv --bounding-set -$cap --inh-caps -$cap "$SALLYPORT" lab clean,delay=1 -- true 2>"$tmp/err"
		check "without-cap-$cap" "0 " "$? $(cat "$tmp/err")"
	done
else
	echo "skip as-nobody: no unprivileged user namespaces here, or the program is out of reach"
fi
setpriv --bounding-set -all --inh-caps -all "$SALLYPORT" lab clean -- true 2>"$tmp/err"
check without-any-cap 77 $?
check one-line-without-any-cap "1 1" "$(grep -c 'needs root (missing: CAP_SYS_ADMIN, CAP_NET_ADMIN' "$tmp/err") $(wc -l <"$tmp/err")"
unshare -r sh -c 'echo 0 >/proc/sys/user/max_user_namespaces
	exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$0" lab clean -- true' "$SALLYPORT" 2>"$tmp/err"
check without-namespaces 77 $?
check one-line-without-namespaces 1 "$(grep -c 'lab: needs root' "$tmp/err")"

host_state >"$tmp/after" 2>&1
diff "$tmp/before" "$tmp/after" >"$tmp/diff" && ok host-untouched || bad host-untouched "$(head -n 5 "$tmp/diff")"
exit 0
