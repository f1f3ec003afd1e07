#!/bin/bash
# `check` in labs whose far side is made of real servers (unbound, dnsmasq, chrony, nginx, libcoap
# on GnuTLS and on OpenSSL), none of them installed: the package and unit lists stay as they are.
# All labs run side by side.
cd "$(dirname "$0")/../.." || exit 1
S=${SALLYPORT:-$PWD/build/release/bin/sallyport}
skip() { echo "skip lab-peers: $1"; exit 0; }
[ "$(id -u)" = 0 ] || skip "not root (network namespaces)"
[ ! -e build/peers/why-not ] || skip "$(cat build/peers/why-not)"
[ -e build/peers/contents ] || skip "nothing under build/peers (\`make peers\` downloads it)"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0
ok() { echo "ok lab-peers-$1"; }
bad() { echo "not ok lab-peers-$1: $2"; status=1; }

# ---- what an installation would change ----
state() { # ROOT
	dpkg-query --admindir="$1/var/lib/dpkg" -W -f '${Package} ${Version} ${Status}\n'
	find "$1"/lib/systemd "$1"/usr/lib/systemd "$1"/etc/systemd "$1"/etc/init.d "$1"/etc/rc?.d \
		"$1"/etc/cron* "$1"/etc/default "$1"/usr/sbin -printf '%p %l %s\n' 2>/dev/null | LC_ALL=C sort
	cat "$1"/etc/passwd "$1"/etc/group "$1"/var/lib/apt/extended_states 2>/dev/null
}
state "" >"$out/before"
# The lists do see a package: one is put into an empty tree, files first, then its entry.
mkdir -p "$out/tree/var/lib/dpkg"
: >"$out/tree/var/lib/dpkg/status"
state "$out/tree" >"$out/tree.none"
dpkg-deb -x build/peers/archives/chrony_*.deb "$out/tree" 2>/dev/null
state "$out/tree" >"$out/tree.files"
(dpkg-deb -f build/peers/archives/chrony_*.deb && echo 'Status: install ok installed') \
	>"$out/tree/var/lib/dpkg/status" 2>/dev/null
state "$out/tree" >"$out/tree.entry"
if [ ! -e "$(echo build/peers/archives/chrony_*.deb)" ]; then
	echo "skip lab-peers-lists-see-a-package: chrony is installed here, so it was not downloaded"
elif cmp -s "$out/tree.none" "$out/tree.files" || cmp -s "$out/tree.files" "$out/tree.entry"; then
	bad lists-see-a-package "a package more, and the lists are the same"
else
	ok lists-see-a-package
fi

# ---- the whole of `make peers` again, apart from the transfer ----
mkdir -p "$out/peers"
cp -r build/peers/archives "$out/peers/"
# shellcheck disable=SC2046
sh tests/tools/peers.sh "$out/peers" $(cat build/peers/contents) || bad unpacks-again "peers.sh failed"
export PEERS=$out/peers PEER_LOGS

# name, lab, gateway's programs, far side's programs, whose key is expected (of the peer, or the
# lab's own, which the peer does not have), exit code, words that must stand in the report (between
# semicolons), words that must not
real=dns+dns-public+ntp+tls+http+dtls
scenarios() {
	cat <<END
all-gnutls|clean,without=$real|dnsmasq|unbound chrony nginx coap-gnutls-rpk|peer|0|can reach their cloud from here;holds the cloud's private key;own clock right|FAIL
all-openssl|clean,without=$real|unbound-at-site|unbound chrony nginx coap-openssl-cert|peer|0|can reach their cloud from here;holds the cloud's private key;own clock right|FAIL
all-blocked|udp-port-blocked,without=$real|dnsmasq|unbound chrony nginx coap-gnutls-rpk|peer|2|U2 udp-port-blocked, proven|U4 
END
}

one() { # NAME LAB GATEWAY FAR KEY
	mkdir "$out/$1.logs"
	PEER_LOGS=$out/$1.logs SALLYPORT_LAB_GATEWAY="bash tests/lab/peer.sh $3" \
		SALLYPORT_LAB_FAR="bash tests/lab/peer.sh $4" \
		timeout 60 "$S" lab "$2" -- sh -c '
			[ "$0" = lab ] || export SALLYPORT_IDENTITY_KEY="${SSL_CERT_FILE%/*}/$0.pem"
			exec sallyport check' "$5" >"$out/$1.text" 2>"$out/$1.err"
	echo $? >"$out/$1.code"
}
while IFS='|' read -r name lab gateway far key code want deny; do
	one "$name" "$lab" "$gateway" "$far" "$key" &
done < <(scenarios)
wait

while IFS='|' read -r name lab gateway far key code want deny; do
	why=""
	[ "$(cat "$out/$name.code")" = "$code" ] || why="exit $(cat "$out/$name.code"), not $code"
	text=$(tr -s ' \n' ' ' <"$out/$name.text") # the report wraps its lines
	while IFS= read -r word; do
		grep -qF "$word" <<<"$text" || why="$why; lacks '$word'"
	done < <(tr ';' '\n' <<<"$want")
	grep -qF "$deny" <<<"$text" && why="$why; says '$deny'"
	if [ -z "$why" ]; then ok "$name"; else bad "$name" "$why $(tail -n 2 "$out/$name.err" | tr '\n' ' ')"; fi
done < <(scenarios)

state "" >"$out/after"
if cmp -s "$out/before" "$out/after"; then ok nothing-installed; else bad nothing-installed "$(diff "$out/before" "$out/after" | head -n 3 | tr '\n' ' ')"; fi
exit $status
