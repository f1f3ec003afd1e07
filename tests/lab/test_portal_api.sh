#!/bin/bash
# A captive-portal API that DHCP names (RFC 8910, RFC 8908), asked over TLS in the lab: captive, not
# captive, no document, a certificate for another name, a hostile answer.
cd "$(dirname "$0")/../.." || exit 1
S=${SALLYPORT:-$PWD/build/release/bin/sallyport}
[ "$(id -u)" = 0 ] || { echo "skip portal-api: not root (network namespaces)"; exit 0; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

cat >"$out/api.py" <<'PY'
import os, socket, ssl, sys
listener = socket.create_server(("198.51.100.20", 8443))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.environ["LAB_DIR"] + "/site.pem")
body = sys.argv[1].encode().decode("unicode_escape").encode("latin-1")
if os.fork():
    os._exit(0)  # the server runs; the lab may go on
while True:
    peer, _ = listener.accept()
    try:
        tls = context.wrap_socket(peer, server_side=True)
        tls.recv(4096)
        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/captive+json\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(body) + body)
        tls.close()
    except OSError:
        pass
PY

# NAME FAULT BODY CODE WORDS [URL]: the lease file stands in the device's own mount namespace
one() {
	local url=${6:-https://api.particle.io:8443/api} code
	SALLYPORT_LAB_FAR="python3 $out/api.py '$3'" timeout 60 "$S" lab "$2" -- sh -c "
		mount -t tmpfs lab /var/lib && mkdir /var/lib/dhcp
		printf 'lease {\\n  interface \"eth0\";\\n  fixed-address 192.168.77.10;\\n  option unknown-114 \"$url\";\\n}\\n' >/var/lib/dhcp/dhclient.leases
		exec sallyport check" >"$out/$1" 2>"$out/$1.err" </dev/null
	code=$?
	if [ $code != "$4" ]; then echo "not ok portal-api-$1: exit $code, not $4 $(head -n 2 "$out/$1.err")"
	elif ! tr -s ' \n' ' ' <"$out/$1" | grep -qF "$5"; then echo "not ok portal-api-$1: lacks '$5'"
	elif LC_ALL=C grep -q $'\x1b' "$out/$1"; then echo "not ok portal-api-$1: a raw escape byte"
	elif [ -s "$out/$1.err" ]; then echo "not ok portal-api-$1: $(head -n 2 "$out/$1.err")"
	else echo "ok portal-api-$1"; fi
}
{
	one passed clean '{"captive":false}' 3 "H7 portal-passed" &
	one open clean '{"captive":true}' 0 "can reach their cloud from here" &
	one no-document clean 'welcome' 0 "can reach their cloud from here" &
	one hostile clean '{"captive":"\x1b[31m","x":[[[[' 0 "can reach their cloud from here" &
	one other-name clean '{"captive":false}' 0 "can reach their cloud from here" https://pool.ntp.org:8443/api &
	one not-there clean '{"captive":false}' 0 "can reach their cloud from here" https://api.particle.io:9/ &
	wait
} >"$out/results"
cat "$out/results"
! grep -q '^not ok' "$out/results"
