#!/bin/bash
# Starts real server programs on one side of a lab, in place of the lab's own; called by its hooks:
#   SALLYPORT_LAB_FAR="bash tests/lab/peer.sh unbound chrony nginx" sallyport lab clean,without=...
# PEERS names the folder that tests/tools/peers.sh filled, PEER_LOGS where the servers' logs go.
# Returns once every server listens; the lab ends them. `peer.sh run PROGRAM...` runs a client.
set -u
export LD_LIBRARY_PATH PATH
LD_LIBRARY_PATH=$(printf '%s:' "$PEERS"/root/usr/lib/*-linux-gnu* "$PEERS"/root/lib/*-linux-gnu*)
LD_LIBRARY_PATH=${LD_LIBRARY_PATH%:}
PATH=$PEERS/root/usr/sbin:$PEERS/root/usr/bin:$PATH:/usr/sbin:/sbin
[ "${1-}" != run ] || exec "${@:2}"
at() { awk -v role="$1" '$2 == role { print $1 }' "$LAB_DIR/names" | sort -u; } # ROLE: addresses
log() { echo "$PEER_LOGS/$1.log"; }
listens() { # udp|tcp PORT: within 5 s
	local tries=0
	until [ -n "$(ss -Hln --"$1" "sport = :$2")" ]; do
		tries=$((tries + 1))
		[ $tries -lt 250 ] || { echo "nothing listens on $1 port $2" >&2; exit 1; }
		sleep 0.02
	done
}

unbound_on() { # "ADDRESS..." [ZONE]: answers the profile's names itself, refuses those of ZONE
	local f=$LAB_DIR/unbound.conf
	{
		printf 'server:\n chroot: ""\n username: ""\n directory: "%s"\n pidfile: ""\n' "$LAB_DIR"
		printf ' logfile: "%s"\n use-syslog: no\n do-ip6: no\n' "$(log unbound)"
		printf ' access-control: 0.0.0.0/0 allow\n local-zone: "." static\n'
		printf ' interface: %s\n' $1
		[ -z "${2-}" ] || printf ' local-zone: "%s." always_refuse\n' "$2"
		awk -v refused="${2- }" '$3 != "." && !index($3, refused) {
			printf " local-zone: \"%s.\" redirect\n local-data: \"%s. 60 A %s\"\n", $3, $3, $1
		}' "$LAB_DIR/names"
		printf 'remote-control:\n control-enable: no\n'
	} >"$f"
	unbound -c "$f"
}
start_unbound() { unbound_on "$(at resolver-elsewhere)"; }
start_unbound_at_site() { unbound_on "$(at resolver)"; }
start_unbound_refuses() { unbound_on "$(at resolver)" udp.particle.io; }

dns_forwarder() { # ARGUMENT...: the site's resolver asks one elsewhere, as a home router does
	dnsmasq --conf-file=/dev/null --pid-file --user=root --no-resolv --no-hosts --bind-interfaces \
		--listen-address="$(at resolver)" --server=9.9.9.9 --log-facility="$(log dnsmasq)" "$@"
}
start_dnsmasq() { dns_forwarder; }
start_dnsmasq_sinkhole() { dns_forwarder --address=/udp.particle.io/0.0.0.0; } # as a blocklist does

chrony() { # LINE: -x, so that the system's clock is not touched
	printf '%s\nallow\nbindaddress %s\ncmdport 0\nbindcmdaddress /\npidfile %s\n' \
		"$1" "$(at ntp)" "$LAB_DIR/chronyd.pid" >"$LAB_DIR/chrony.conf"
	chronyd -x -u root -f "$LAB_DIR/chrony.conf" -l "$(log chronyd)"
}
start_chrony() { chrony 'local stratum 1'; }
start_chrony_unsynchronised() { chrony ''; }

nginx_tls() { # CERTIFICATE ADDRESS
	printf 'server { listen %s:443 ssl; ssl_certificate %s; ssl_certificate_key %s; return 200; }\n' \
		"$2" "$LAB_DIR/$1" "$LAB_DIR/$1"
}

nginx_on() { # CERTIFICATE "LINES FOR EVERY PLAIN PAGE"
	local f=$LAB_DIR/nginx.conf d=$LAB_DIR/nginx
	mkdir "$d"
	{
		printf 'user root;\nworker_processes 1;\npid %s/pid;\nerror_log %s;\n' "$d" "$(log nginx)"
		printf 'events { }\nhttp {\naccess_log off;\n'
		for t in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/%s;\n' $t "$d" $t; done
		nginx_tls "$1" "$(at tls)"
		nginx_tls other.pem "$(at control)"
		at http | while read -r a; do printf 'server { listen %s:80; %s }\n' "$a" "$2"; done
		echo '}'
	} >"$f"
	nginx -c "$f" -p "$d" -e "$(log nginx)"
}
pages='location = /generate_204 { return 204; }
	location = /success.txt { return 200 "success\n"; } location / { return 404; }'
start_nginx() { nginx_on site.pem "$pages"; }
start_nginx_inspects() { nginx_on inspected.pem "$pages"; } # with a CA that nobody trusts
start_nginx_portal() { nginx_on site.pem 'return 302 http://login.example/;'; }

# ---- UDP 5684; $LAB_DIR/peer.pem gets the public key that the server has ----
coap() { # PROGRAM ADDRESS ARGUMENT...: DTLS on UDP 5684, CoAP over TCP on 5683
	"$1" -A "$2" "${@:3}" -v 7 >"$(log "$1")" 2>&1 &
	listens udp 5684
}
cloud() { # PROGRAM ARGUMENT...
	openssl x509 -in "$LAB_DIR/site.pem" -noout -pubkey >"$LAB_DIR/peer.pem"
	coap "$1" "$(at dtls-device)" "${@:2}"
}
start_coap_gnutls_rpk() { # a raw public key, as the device cloud has
	openssl ecparam -name prime256v1 -genkey -noout -out "$LAB_DIR/rpk.key"
	openssl ec -in "$LAB_DIR/rpk.key" -pubout -out "$LAB_DIR/peer.pem" 2>/dev/null
	coap coap-server-gnutls "$(at dtls-device)" -M "$LAB_DIR/rpk.key" -n
}
start_coap_gnutls_cert() { cloud coap-server-gnutls -c "$LAB_DIR/site.pem" -n; }
start_coap_gnutls_psk() { cloud coap-server-gnutls -k secret; }
start_coap_openssl_cert() { cloud coap-server-openssl -c "$LAB_DIR/site.pem" -n; }
start_coap_openssl_psk() { cloud coap-server-openssl -k secret; }
start_openssl_small() { # a flight in fragments: no datagram over 256 bytes
	openssl x509 -in "$LAB_DIR/site.pem" -noout -pubkey >"$LAB_DIR/peer.pem"
	tail -f /dev/null | openssl s_server -dtls1_2 -listen -mtu 256 -cipher ALL \
		-accept "$(at dtls-device):5684" -cert "$LAB_DIR/site.pem" >"$(log s_server)" 2>&1 &
	listens udp 5684
}
start_coap_tcp() { # CoAP over TCP where the greeting is expected
	coap-server-notls -A "$(at tcp-greeting)" -v 7 >"$(log coap-server-notls)" 2>&1 &
	listens tcp 5683
}

for server in "$@"; do
	"start_${server//-/_}" || { echo "$server does not start" >&2; exit 1; }
done
