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
dtls-small-fragments|clean,without=dtls||openssl-small|peer|0|holds the cloud's private key|FAIL
dtls-other-key|clean,without=dtls||coap-openssl-cert|lab|2|U21 udp-impostor, proven;its signature does not verify|U11 
dtls-no-raw-key|clean,without=dtls||coap-gnutls-cert|peer|1|U11 flight-stall, undetermined;asks for its cookie again and again|proven
dtls-psk-gnutls|clean,without=dtls||coap-gnutls-psk|peer|1|U11 flight-stall, undetermined;asks for its cookie again and again|proven
dtls-psk-openssl|clean,without=dtls||coap-openssl-psk|peer|1|U11 flight-stall, undetermined;an alert comes instead of the server's flight|proven
coap-over-tcp|clean,without=greeting||coap-tcp|lab|0|C14 tcp-impostor, likely;7 bytes instead of the cloud's 40;not what the real one answers (too short)|FAIL udp
dns-refused|clean,without=dns|unbound-refuses||lab|2|D6 dns-policy-block, proven;the resolver says REFUSED|U2 
dns-sinkhole|clean,without=dns|dnsmasq-sinkhole||lab|2|D6 dns-policy-block, proven;leads nowhere|D7 
ntp-unsynchronised|clean,without=ntp||chrony-unsynchronised|lab|0|has no time (N5, proven);answers, but has no time itself|N6
portal|clean,without=http+tls||nginx-portal|lab|0|changes plain HTTP pages (P1, likely);302 to http://login.example/|S1
inspection|clean,without=http+tls||nginx-inspects|lab|0|Example Corp Inspection CA;(S1, likely)|(P1
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

# The lab's own DTLS server in the eyes of libcoap's clients: name, lab, program, what it must log
# (between semicolons). With the key as a message, GnuTLS takes the flight to its end, checks the
# signature and sends its own; without it, as the real service does, up to that message. Clients
# without raw public keys are told so, those without the suite too.
clients() {
	cat <<END
client-whole-flight|dtls-certificate|coap-client-gnutls -M $out/client.key|Selected cipher suite: GNUTLS_ECDHE_ECDSA_AES_128_CCM_8;Selected server certificate type Raw Public Key;verify TLS 1.2 handshake data: using ECDSA-SHA256;SERVER HELLO DONE (14) was received;FINISHED was queued
client-no-certificate|clean|coap-client-gnutls -M $out/client.key|HELLO VERIFY REQUEST (3) was received;Selected server certificate type Raw Public Key;unexpected handshake message 'SERVER KEY EXCHANGE' (12). Expected 'CERTIFICATE' (11)
client-x509-gnutls|clean|coap-client-gnutls -n|Alert '43': Certificate is not supported
client-x509-openssl|clean|coap-client-openssl -n|alert unsupported certificate
client-psk-gnutls|clean|coap-client-gnutls -k secret -u me|Alert '40': Handshake failed
client-psk-openssl|clean|coap-client-openssl -k secret -u me|alert handshake failure
END
}
client() { # NAME LAB PROGRAM: its log is all that counts
	# shellcheck disable=SC2086
	timeout 60 "$S" lab "$2" -- bash tests/lab/peer.sh run $3 -B 1 -v 9 \
		coaps://0.v6.udp.particle.io/ >"$out/$1.text" 2>&1
}
bash tests/lab/peer.sh run openssl ecparam -name prime256v1 -genkey -noout -out "$out/client.key" 2>/dev/null ||
	bad client-key "openssl made no key"

while IFS='|' read -r name lab gateway far key code want deny; do
	one "$name" "$lab" "$gateway" "$far" "$key" &
done < <(scenarios)
while IFS='|' read -r name lab program want; do
	client "$name" "$lab" "$program" &
done < <(clients)
wait

lacks() { # NAME WORDS: those that its text does not have
	local text word
	text=$(tr -s ' \n' ' ' <"$out/$1.text") # the report wraps its lines
	while IFS= read -r word; do
		grep -qF "$word" <<<"$text" || printf "lacks '%s'; " "$word"
	done < <(tr ';' '\n' <<<"$2")
}
while IFS='|' read -r name lab program want; do
	why=$(lacks "$name" "$want")
	if [ -z "$why" ]; then ok "$name"; else bad "$name" "$why$(tail -n 2 "$out/$name.text" | tr '\n' ' ')"; fi
done < <(clients)

while IFS='|' read -r name lab gateway far key code want deny; do
	why=$(lacks "$name" "$want")
	[ "$(cat "$out/$name.code")" = "$code" ] || why="${why}exit $(cat "$out/$name.code"), not $code; "
	grep -qF "$deny" "$out/$name.text" && why="${why}says '$deny'; "
	if [ -z "$why" ]; then ok "$name"; else bad "$name" "$why$(tail -n 2 "$out/$name.err" | tr '\n' ' ')"; fi
done < <(scenarios)

state "" >"$out/after"
if cmp -s "$out/before" "$out/after"; then ok nothing-installed; else bad nothing-installed "$(diff "$out/before" "$out/after" | head -n 3 | tr '\n' ' ')"; fi
exit $status
