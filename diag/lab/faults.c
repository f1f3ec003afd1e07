/*
 * The faults the lab can put on its network. A row says what changes where, and which verdict and
 * exit code `check` owes with the default profile; rows without an expected verdict are clean, or
 * look like a fault without being one. In rules, $UDP, $TCP and $NTP are the profile's ports,
 * $CLOUD is the address behind $UDP and $FORGED the impostor's.
 */
#include "sallyport/lab.h"

#define DROP_UDP "udp dport $UDP drop"
#define SLOW_ICMP "net/ipv4/icmp_msgs_per_sec=1\nnet/ipv4/icmp_msgs_burst=1"
#define NO_TIME_EXCEEDED "icmp type time-exceeded drop"
#define ADMIN_PROHIBITED "reject with icmp admin-prohibited"
/* What a portal leaves open to a client that has not logged in: its own answers on port 80. */
#define PORTAL                                                                                     \
	{                                                                                          \
		LAB_GATEWAY, LAB_FORWARD,                                                          \
			"iifname \"lan0\" meta l4proto != tcp drop\n"                              \
			"iifname \"lan0\" tcp dport != 80 drop"                                    \
	}

/* clang-format off */
/* A gateway that knows its guests by their MACs: a portal, or nothing at all, for all but one. */
#define MAC_PORTAL(mac)                                                                            \
	{ LAB_GATEWAY, LAB_PREROUTING,                                                             \
	  "iifname \"lan0\" ether saddr != " mac " tcp dport 80 dnat to $FORGED" },                \
	{ LAB_GATEWAY, LAB_FORWARD,                                                                \
	  "iifname \"lan0\" ether saddr != " mac " meta l4proto != tcp drop\n"                      \
	  "iifname \"lan0\" ether saddr != " mac " tcp dport != 80 drop" }
#define MAC_ALLOWED(mac)                                                                           \
	{ LAB_GATEWAY, LAB_FORWARD, "iifname \"lan0\" ether saddr != " mac " drop" }
/* Two hosts of the documentation range (RFC 7042): the first is the device. */
#define THIS_MAC "00:00:5e:00:53:0a"
#define OTHER_MAC "00:00:5e:00:53:0b"
#define KNOWN_MAC { LAB_DEVICE, LAB_IP, "link set eth0 address " THIS_MAC }
/* A VPN takes the device's traffic beside its default route, and answers for names. */
#define VPN_ROUTES { LAB_DEVICE, LAB_IP, "route add 0.0.0.0/1 dev tun0\nroute add 128.0.0.0/1 dev tun0" }
#define VPN_RESOLVER { LAB_DEVICE, LAB_RESOLV, "nameserver 10.8.0.1" }
#define STUB_ALONE { LAB_DEVICE, LAB_RESOLV, "nameserver 127.0.0.53\noptions edns0 trust-ad" }
/* What the programs that run the uplink (eth0, number 10) leave of the DHCP answer. */
#define RESOLVED_FILE                                                                              \
	{ LAB_DEVICE, LAB_FILE, "/run/systemd/resolve/netif/10\n"                                  \
	  "# This is private data. Do not parse.\nLLMNR=yes\nSERVERS=192.168.77.1\n" }
#define LEASE(address, resolver, options)                                                          \
	{ LAB_DEVICE, LAB_FILE, "/var/lib/dhcp/dhclient.eth0.leases\n"                             \
	  "lease {\n  interface \"eth0\";\n  fixed-address " address ";\n"                           \
	  "  option domain-name-servers " resolver ";\n" options "}\n" }
#define LEASE_OF(options) LEASE("192.168.77.10", "192.168.77.1", options)
#define IPV6_ON "net/ipv6/conf/all/disable_ipv6=0\nnet/ipv6/conf/default/disable_ipv6=0"
#define IPV6_DEVICE "addr add fd00:77::10/64 dev eth0 nodad\nroute add ::/0 via fd00:77::1 dev eth0"
#define IPV6_SITE                                                                                  \
	{ LAB_DEVICE, LAB_SYSCTL, IPV6_ON },                                                       \
	{ LAB_GATEWAY, LAB_SYSCTL, IPV6_ON },                                                      \
	{ LAB_GATEWAY, LAB_IP, "addr add fd00:77::1/64 dev lan0 nodad" }
#define IPV6_ALONE                                                                                 \
	{ LAB_DEVICE, LAB_IP, "addr del 192.168.77.10/24 dev eth0\n" IPV6_DEVICE },                \
	{ LAB_DEVICE, LAB_RESOLV, "nameserver fd00:77::1" }

const struct lab_fault lab_fault_table[] = {
	{ "clean", "nothing is wrong", NULL, 0 },

	/* the device's own side */
	{ "no-address", "no IPv4 address: DHCP did not answer", "no-address", 2, LAB_NO_RESOLVER,
	  { { LAB_DEVICE, LAB_IP, "addr flush dev eth0" } } },
	{ "link-local-only", "only a self-made 169.254 address", "no-address", 2, LAB_NO_RESOLVER,
	  { { LAB_DEVICE, LAB_IP, "addr flush dev eth0\naddr add 169.254.77.10/16 dev eth0" } } },
	{ "gateway-mute", "the default gateway does not answer ARP", "gateway-mute", 2, 0,
	  { { LAB_GATEWAY, LAB_IP, "link set lan0 arp off" } } },
	{ "no-route", "address, but no default route", "no-route", 2, 0,
	  { { LAB_DEVICE, LAB_IP, "route del default" } } },
	{ "no-resolver", "resolv.conf names no resolver", "resolver-down", 2, LAB_NO_RESOLVER },
	{ "own-firewall", "the host's own output rules drop UDP 5684", "own-firewall", 2, 0,
	  { { LAB_DEVICE, LAB_OUTPUT, DROP_UDP } } },
	{ "own-firewall-reject", "the host's own output rules reject UDP 5684", "own-firewall", 2, 0,
	  { { LAB_DEVICE, LAB_OUTPUT, "udp dport $UDP reject" } } },
	{ "own-firewall-input", "the host's own input rules drop the cloud's answers",
	  "udp-port-blocked", 2, 0,
	  { { LAB_DEVICE, LAB_INPUT, "udp sport $UDP drop" } } },
	{ "own-firewall-tcp", "the host's own output rules drop TCP 5683", "port-drop", 0, 0,
	  { { LAB_DEVICE, LAB_OUTPUT, "tcp dport $TCP drop" } } },
	{ "own-firewall-reset", "the host's own output rules reset TCP 5683", "fw-reset", 0, 0,
	  { { LAB_DEVICE, LAB_OUTPUT, "tcp dport $TCP reject with tcp reset" } } },

	/* DNS */
	{ "resolver-down", "the resolver is silent", "resolver-down", 2,
	  .knobs = { .dns = LAB_DNS_MUTE } },
	{ "resolver-down-first", "the first of two resolvers is silent", "resolver-down", 1,
	  LAB_TWO_RESOLVERS, .knobs = { .dns = LAB_DNS_MUTE } },
	{ "dns-udp-only-blocked", "DNS answers on TCP only", "dns-udp-only-blocked", 2,
	  .knobs = { .dns = LAB_DNS_UDP_MUTE } },
	{ "dns-policy-block", "a DNS filter says NXDOMAIN for the cloud", "dns-policy-block", 2,
	  .knobs = { .dns = LAB_DNS_NXDOMAIN } },
	{ "dns-refused", "a DNS filter says REFUSED for the cloud", "dns-policy-block", 2,
	  .knobs = { .dns = LAB_DNS_REFUSED } },
	{ "dns-servfail", "the resolver says SERVFAIL for the cloud", "dns-policy-block", 2,
	  .knobs = { .dns = LAB_DNS_SERVFAIL } },
	{ "dns-empty", "the resolver has no address for the cloud", "dns-policy-block", 2,
	  .knobs = { .dns = LAB_DNS_EMPTY } },
	{ "dns-sinkhole", "a DNS filter gives 0.0.0.0 for the cloud", "dns-policy-block", 2,
	  .knobs = { .dns = LAB_DNS_SINKHOLE } },
	{ "dns-ede", "a DNS filter says so itself (extended error)", "dns-policy-block", 2,
	  .knobs = { .dns = LAB_DNS_EDE } },
	{ "dns-forged", "the cloud's name points at an impostor", "dns-forged", 2,
	  .knobs = { .dns = LAB_DNS_FORGED } },
	{ "split-horizon", "the cloud's name has a private address here", "split-horizon", 2,
	  .knobs = { .dns = LAB_DNS_PRIVATE } },
	{ "dns-garbage", "the resolver answers bytes that are no DNS", "resolver-down", 2,
	  .knobs = { .dns = LAB_DNS_GARBAGE } },
	{ "dns-twice", "a second answer races the first", NULL, 0,
	  .knobs = { .dns = LAB_DNS_TWICE } },
	{ "dns-raced", "a forged answer comes before the honest one", "dns-forged", 2,
	  .knobs = { .dns = LAB_DNS_RACED } },
	{ "dns-a-only", "the resolver never answers for AAAA", NULL, 0,
	  .knobs = { .dns = LAB_DNS_A_ONLY } },
	{ "dns-slow", "the resolver takes three seconds", NULL, 0, .knobs = { .dns = LAB_DNS_SLOW } },
	{ "dns-flaky", "the resolver loses every second question", NULL, 0,
	  .knobs = { .dns = LAB_DNS_FLAKY } },
	{ "dns-stale", "the first of the cloud's two addresses is gone", "stale-allowlist", 1,
	  .knobs = { .dns = LAB_DNS_STALE } },
	{ "dns-hostile-cname", "the answer's CNAME holds hostile bytes", NULL, 0,
	  .knobs = { .dns = LAB_DNS_HOSTILE_CNAME } },
	{ "offnet-dns-blocked", "only the site's own resolver may be asked", NULL, 0,
	  .changes = { { LAB_GATEWAY, LAB_FORWARD, "meta l4proto { tcp, udp } th dport 53 drop" } } },
	{ "port53-redirect", "the gateway answers for every resolver", NULL, 0,
	  .changes = { { LAB_GATEWAY, LAB_PREROUTING,
			 "iifname \"lan0\" meta l4proto { tcp, udp } th dport 53 redirect to :53" } } },

	/* portals and proxies */
	{ "captive-http", "a captive portal redirects HTTP, all else is dropped", "captive-http", 2,
	  .changes = { PORTAL }, .knobs = { .http = LAB_HTTP_REDIRECT } },
	{ "captive-page", "a captive portal answers HTTP itself, all else is dropped",
	  "captive-http", 2, .changes = { PORTAL }, .knobs = { .http = LAB_HTTP_PAGE } },
	{ "captive-dns", "a captive portal answers every name itself, all else is dropped",
	  "captive-dns", 2, .changes = { PORTAL },
	  .knobs = { .dns = LAB_DNS_PORTAL, .http = LAB_HTTP_REDIRECT } },
	{ "web-filter", "a filter redirects plain HTTP, all else passes", "captive-http", 0,
	  .knobs = { .http = LAB_HTTP_REDIRECT } },
	{ "accept-all-tcp", "a proxy accepts every TCP connection and forwards none",
	  "accept-all-tcp", 0,
	  .changes = { { LAB_GATEWAY, LAB_PREROUTING,
			 "iifname \"lan0\" tcp dport != 53 redirect to :7777" } } },
	{ "accept-all-tcp-443", "the same proxy, but TCP 443 and 80 pass", "accept-all-tcp", 0,
	  .changes = { { LAB_GATEWAY, LAB_PREROUTING,
			 "iifname \"lan0\" tcp dport != { 53, 80, 443 } redirect to :7777" } } },

	/* TCP 5683 */
	{ "port-drop", "router 2 drops TCP 5683", "port-drop", 0,
	  .changes = { { LAB_R2, LAB_FORWARD, "tcp dport $TCP drop" } } },
	{ "port-drop-r3", "router 3, the last one, drops TCP 5683", "port-drop", 0,
	  .changes = { { LAB_R3, LAB_FORWARD, "tcp dport $TCP drop" } } },
	{ "port-drop-replies", "router 2 drops what comes from TCP 5683", "port-drop", 0,
	  .changes = { { LAB_R2, LAB_FORWARD, "tcp sport $TCP drop" } } },
	{ "port-drop-entry", "router 2 drops TCP 5683 before it counts hops", "port-drop", 0,
	  .changes = { { LAB_R2, LAB_ENTRY, "tcp dport $TCP drop" } } },
	{ "fw-reset", "router 2 resets TCP 5683", "fw-reset", 0,
	  .changes = { { LAB_R2, LAB_FORWARD, "tcp dport $TCP reject with tcp reset" } } },
	{ "fw-reset-gateway", "the gateway sends TCP 5683 to a closed port of its own", "fw-reset", 0,
	  .changes = { { LAB_GATEWAY, LAB_PREROUTING,
			 "iifname \"lan0\" tcp dport $TCP redirect to :9" } } },
	{ "server-closed", "the cloud's host has closed TCP 5683", "server-closed", 0,
	  .changes = { { LAB_FAR, LAB_INPUT, "tcp dport $TCP reject with tcp reset" } } },
	{ "admin-prohibited", "router 1 rejects TCP 5683 by policy", "admin-prohibited", 0,
	  .changes = { { LAB_R1, LAB_FORWARD, "tcp dport $TCP " ADMIN_PROHIBITED } } },
	{ "mute-after-accept", "TCP 5683 connects, then nothing", "mute-after-accept", 0,
	  .knobs = { .greeting = LAB_GREETING_SILENT } },
	{ "tcp-impostor", "text on TCP 5683", "tcp-impostor", 0,
	  .knobs = { .greeting = LAB_GREETING_TEXT } },
	{ "tcp-http", "HTTP on TCP 5683", "tcp-impostor", 0,
	  .knobs = { .greeting = LAB_GREETING_HTTP } },
	{ "tcp-tls", "TLS on TCP 5683", "tcp-impostor", 0, .knobs = { .greeting = LAB_GREETING_TLS } },
	{ "tcp-short", "a greeting too short on TCP 5683", "tcp-impostor", 0,
	  .knobs = { .greeting = LAB_GREETING_SHORT } },
	{ "tcp-long", "a greeting too long on TCP 5683", "tcp-impostor", 0,
	  .knobs = { .greeting = LAB_GREETING_LONG } },
	{ "tcp-close", "TCP 5683 connects and is closed at once", "tcp-impostor", 0,
	  .knobs = { .greeting = LAB_GREETING_CLOSE } },

	/* TLS on TCP 443: for people, so the exit code stays 0 */
	{ "tls-private-ca", "TLS is opened by a private CA", "tls-private-ca", 0,
	  .knobs = { .tls = LAB_TLS_PRIVATE_CA } },
	{ "sni-filter", "TLS with the cloud's name is cut", "sni-filter", 0,
	  .knobs = { .tls = LAB_TLS_SNI_FILTER } },
	{ "clock-made", "the host's clock is 400 days behind", "clock-made", 0,
	  .knobs = { .clock_offset_s = 400.0 * 86400.0 } },
	{ "tls-expired", "the certificate really is expired", NULL, 0,
	  .knobs = { .tls = LAB_TLS_EXPIRED } },
	{ "tls-wrong-name", "the certificate is for another name", NULL, 0,
	  .knobs = { .tls = LAB_TLS_WRONG_NAME } },
	{ "tls-hang", "TCP 443 connects, TLS never answers", NULL, 0,
	  .knobs = { .tls = LAB_TLS_HANG } },
	{ "tls-alert", "TLS ends with an alert", NULL, 0, .knobs = { .tls = LAB_TLS_ALERT } },
	{ "tls-cut", "router 1 resets every TLS handshake", NULL, 0,
	  .changes = { { LAB_R1, LAB_FORWARD, "tcp dport 443 @ih,0,8 22 reject with tcp reset" } } },

	/* UDP 5684 on its way */
	{ "udp-all-blocked", "the gateway forwards no UDP at all", "udp-all-blocked", 2,
	  .changes = { { LAB_GATEWAY, LAB_FORWARD, "meta l4proto udp drop" } } },
	{ "udp-port-blocked", "the gateway drops UDP 5684", "udp-port-blocked", 2,
	  .changes = { { LAB_GATEWAY, LAB_FORWARD, DROP_UDP } } },
	{ "udp-port-blocked-r1", "router 1 drops UDP 5684", "udp-port-blocked", 2,
	  .changes = { { LAB_R1, LAB_FORWARD, DROP_UDP } } },
	{ "udp-port-blocked-r2", "router 2 drops UDP 5684", "udp-port-blocked", 2,
	  .changes = { { LAB_R2, LAB_FORWARD, DROP_UDP } } },
	{ "udp-port-blocked-r3", "router 3 drops UDP 5684", "udp-port-blocked", 2,
	  .changes = { { LAB_R3, LAB_FORWARD, DROP_UDP } } },
	{ "udp-port-blocked-entry", "router 2 drops UDP 5684 before it counts hops",
	  "udp-port-blocked", 2, .changes = { { LAB_R2, LAB_ENTRY, DROP_UDP } } },
	{ "udp-443-blocked-too", "router 2 drops UDP 5684 and 443", "udp-port-blocked", 2,
	  .changes = { { LAB_R2, LAB_FORWARD, "udp dport { $UDP, 443 } drop" } } },
	{ "udp-replies-blocked", "router 2 drops what comes from UDP 5684", "udp-port-blocked", 2,
	  .changes = { { LAB_R2, LAB_FORWARD, "udp sport $UDP drop" } } },
	{ "udp-dest-block", "router 1 drops all that goes to the cloud's address", "udp-port-blocked", 2,
	  .changes = { { LAB_R1, LAB_FORWARD, "ip daddr $CLOUD drop" } } },
	{ "dtls-dropped", "router 2 drops DTLS handshakes on every port", "flight-stall", 2,
	  .changes = { { LAB_R2, LAB_FORWARD, "meta l4proto udp @ih,0,8 22 drop" } } },
	{ "udp-one-exchange", "the gateway lets one UDP answer in and nothing after it",
	  "flight-stall", 1,
	  .changes = { { LAB_GATEWAY, LAB_FORWARD, "udp dport $UDP ct state established drop" } } },
	{ "udp-rejected", "router 1 rejects UDP 5684 by policy", "udp-rejected", 2,
	  .changes = { { LAB_R1, LAB_FORWARD, "udp dport $UDP " ADMIN_PROHIBITED } } },
	{ "udp-rejected-port", "the gateway rejects UDP 5684 as port unreachable", "udp-rejected", 2,
	  .changes = { { LAB_GATEWAY, LAB_FORWARD, "udp dport $UDP reject" } } },
	{ "udp-redirect-closed", "the gateway sends UDP 5684 to a closed port of its own",
	  "udp-rejected", 2,
	  .changes = { { LAB_GATEWAY, LAB_PREROUTING,
			 "iifname \"lan0\" udp dport $UDP redirect to :9" } } },
	{ "server-down", "the cloud's host has closed UDP 5684", "server-down", 2,
	  .changes = { { LAB_FAR, LAB_INPUT, "udp dport $UDP reject" } } },
	{ "server-mute", "the cloud's host drops UDP 5684 itself", "server-down", 2,
	  .changes = { { LAB_FAR, LAB_INPUT, DROP_UDP } } },
	{ "flight-stall", "router 2 drops the server's longer DTLS packets", "flight-stall", 1,
	  .changes = { { LAB_R2, LAB_FORWARD, "udp sport $UDP ip length > 100 drop" } } },
	{ "large-packets-lost", "router 2 drops packets of more than 1,000 bytes", "sni-filter", 0,
	  .changes = { { LAB_R2, LAB_FORWARD, "ip length > 1000 drop" } } },

	/* what answers on UDP 5684 */
	{ "flight-stall-server", "the server goes silent after the cookie", "flight-stall", 1,
	  .knobs = { .dtls = LAB_DTLS_STALL } },
	{ "dtls-alert", "the server answers with an alert only", NULL, 3,
	  .knobs = { .dtls = LAB_DTLS_ALERT } },
	{ "dtls-alert-after-cookie", "an alert instead of the server's flight", NULL, 1,
	  .knobs = { .dtls = LAB_DTLS_ALERT_AFTER_COOKIE } },
	{ "dtls-no-cookie", "the server skips the cookie exchange", NULL, 0,
	  .knobs = { .dtls = LAB_DTLS_NO_COOKIE } },
	{ "udp-impostor", "the server does not hold the cloud's key", "udp-impostor", 2,
	  .knobs = { .dtls = LAB_DTLS_WRONG_KEY } },
	{ "udp-impostor-redirect", "the gateway redirects UDP 5684 to an impostor", "udp-impostor", 2,
	  .changes = { { LAB_GATEWAY, LAB_PREROUTING,
			 "iifname \"lan0\" udp dport $UDP dnat to $FORGED" } } },
	{ "dtls-text", "text on UDP 5684", "udp-impostor", 2, .knobs = { .dtls = LAB_DTLS_TEXT } },
	{ "dtls-random", "random bytes on UDP 5684", "udp-impostor", 2,
	  .knobs = { .dtls = LAB_DTLS_RANDOM } },
	{ "dtls-certificate", "the server's flight holds its raw public key too", NULL, 0,
	  .knobs = { .dtls = LAB_DTLS_CERTIFICATE } },
	{ "dtls-fragments", "the server's flight comes in fragments", NULL, 0,
	  .knobs = { .dtls = LAB_DTLS_FRAGMENTS } },
	{ "dtls-one-datagram", "the server's flight comes in one datagram", NULL, 0,
	  .knobs = { .dtls = LAB_DTLS_ONE_DATAGRAM } },
	{ "dtls-twice", "the server's flight comes twice", NULL, 0,
	  .knobs = { .dtls = LAB_DTLS_TWICE } },
	{ "dtls-late", "the server's flight comes seconds late", NULL, 0,
	  .knobs = { .dtls = LAB_DTLS_LATE } },
	{ "dtls-no-echo", "the server does not answer the echo test", NULL, 0,
	  .knobs = { .dtls = LAB_DTLS_NO_ECHO } },

	/* time: only the device's log suffers, so the exit code stays 0 */
	{ "ntp-blocked", "the gateway drops NTP", "ntp-blocked", 0,
	  .changes = { { LAB_GATEWAY, LAB_FORWARD, "udp dport $NTP drop" } } },
	{ "ntp-rejected", "router 1 rejects NTP by policy", "ntp-blocked", 0,
	  .changes = { { LAB_R1, LAB_FORWARD, "udp dport $NTP " ADMIN_PROHIBITED } } },
	{ "http-cached", "a proxy answers plain HTTP with pages of six hours ago", "ntp-wrong", 0,
	  .knobs = { .http = LAB_HTTP_CACHED } },
	{ "ntp-wrong", "the time server is wrong", "ntp-wrong", 0, .knobs = { .ntp = LAB_NTP_WRONG } },
	{ "ntp-unsync", "the time server says it has no time", "ntp-wrong", 0,
	  .knobs = { .ntp = LAB_NTP_UNSYNC } },
	{ "ntp-kod", "the time server asks for fewer questions", "ntp-kod", 0,
	  .knobs = { .ntp = LAB_NTP_KOD_RATE } },
	{ "ntp-kod-deny", "the time server refuses us", "ntp-kod", 0,
	  .knobs = { .ntp = LAB_NTP_KOD_DENY } },
	{ "ntp-origin", "NTP answers do not match the question", NULL, 0,
	  .knobs = { .ntp = LAB_NTP_BAD_ORIGIN } },

	/* what the host's own place hides */
	{ "vpn-clean", "a VPN takes the host's traffic; nothing is wrong", NULL, 0, LAB_VPN,
	  { VPN_ROUTES } },
	{ "vpn-default", "a VPN passes everything, the gateway drops UDP 5684", "udp-port-blocked", 2,
	  LAB_VPN, { VPN_ROUTES, VPN_RESOLVER, LEASE_OF(""), { LAB_GATEWAY, LAB_FORWARD, DROP_UDP } } },
	{ "vpn-by-rule", "the same, but by routing rules, as WireGuard's programs do", "udp-port-blocked", 2,
	  LAB_VPN,
	  { { LAB_DEVICE, LAB_IP, "route add default dev tun0 table 51820\n"
				  "rule add not fwmark 51820 table 51820\n"
				  "rule add table main suppress_prefixlength 0" },
	    { LAB_GATEWAY, LAB_FORWARD, DROP_UDP } } },
	{ "vpn-took-route", "a VPN has replaced the host's default route", "vpn-took-route", 3, LAB_VPN,
	  { { LAB_DEVICE, LAB_IP, "route del default\nroute add default dev tun0" } } },
	{ "vpn-killswitch", "the host's rules let nothing out but by its VPN", "vpn-killswitch", 3,
	  LAB_VPN, { VPN_ROUTES, { LAB_DEVICE, LAB_OUTPUT, "oifname \"eth0\" drop" } } },
	{ "vpn-killswitch-lan", "the same rules, but for the host's own LAN", "vpn-killswitch", 3,
	  LAB_VPN, { VPN_ROUTES, { LAB_DEVICE, LAB_OUTPUT,
				   "oifname \"eth0\" ip daddr != 192.168.77.0/24 drop" } } },
	{ "vpn-own-rule", "a VPN is up, and the host's rules drop UDP 5684", "own-firewall", 2, LAB_VPN,
	  { VPN_ROUTES, { LAB_DEVICE, LAB_OUTPUT, DROP_UDP } } },
	{ "two-uplinks", "UDP 5684 is dropped behind eth0, not behind eth1", "udp-port-blocked", 2,
	  LAB_UPLINK2,
	  { { LAB_DEVICE, LAB_IP, "route add default via 203.0.113.25 metric 200" },
	    { LAB_DEVICE, LAB_RESOLV, "nameserver 192.168.77.1\nnameserver 9.9.9.9" },
	    { LAB_GATEWAY, LAB_FORWARD, DROP_UDP } } },
	{ "two-uplinks-second", "UDP 5684 is dropped behind eth0, but eth1 is preferred", NULL, 0,
	  LAB_UPLINK2,
	  { { LAB_DEVICE, LAB_IP, "route del default\nroute add default via 203.0.113.25 metric 100\n"
				  "route add default via 192.168.77.1 metric 200" },
	    { LAB_DEVICE, LAB_RESOLV, "nameserver 9.9.9.9" },
	    { LAB_GATEWAY, LAB_FORWARD, DROP_UDP } } },
	{ "stub-resolver", "the host's stub hides a DNS filter (systemd-resolved)", "dns-policy-block", 2,
	  LAB_STUB, { STUB_ALONE, RESOLVED_FILE }, { .dns = LAB_DNS_NXDOMAIN } },
	{ "stub-networkmanager", "the host's stub hides a DNS filter (NetworkManager)",
	  "dns-policy-block", 2, LAB_STUB,
	  { STUB_ALONE, { LAB_DEVICE, LAB_FILE, "/run/NetworkManager/no-stub-resolv.conf\n"
						"# Generated by NetworkManager\nsearch site.example\n"
						"nameserver 192.168.77.1\n" } },
	  { .dns = LAB_DNS_NXDOMAIN } },
	{ "stub-dhclient", "the host's stub hides a DNS filter (dhclient)", "dns-policy-block", 2,
	  LAB_STUB, { STUB_ALONE, LEASE_OF("") }, { .dns = LAB_DNS_NXDOMAIN } },
	{ "stub-clean", "the host asks a stub of its own; nothing is wrong", NULL, 0, LAB_STUB,
	  { STUB_ALONE, RESOLVED_FILE } },
	{ "stub-only", "the host asks a stub, and no file names the site's resolver", "resolver-unknown",
	  3, LAB_STUB, { STUB_ALONE }, { .dns = LAB_DNS_NXDOMAIN } },
	{ "stub-stale-lease", "the same, and a lease of another network is left", "resolver-unknown", 3,
	  LAB_STUB, { STUB_ALONE, LEASE("10.1.1.7", "10.1.1.1", "") }, { .dns = LAB_DNS_NXDOMAIN } },
	{ "nat64-only", "the network has IPv6 only, with DNS64", "nat64-only", 2, 0,
	  { IPV6_SITE, IPV6_ALONE }, { .dns = LAB_DNS_64 } },
	{ "ipv4-off", "the host has no IPv4, the resolver no DNS64", "nat64-only", 2, 0,
	  { IPV6_SITE, IPV6_ALONE } },
	{ "dual-stack", "IPv4 and IPv6, with DNS64", NULL, 0, 0,
	  { IPV6_SITE, { LAB_DEVICE, LAB_IP, IPV6_DEVICE } }, { .dns = LAB_DNS_64 } },
	{ "clat", "the host makes its IPv4 itself (464XLAT)", "clat-only", 3, 0,
	  { { LAB_DEVICE, LAB_IP, "addr flush dev eth0\naddr add 192.0.0.2/29 dev eth0\n"
				  "route add default via 192.0.0.1" },
	    { LAB_GATEWAY, LAB_IP, "addr add 192.0.0.1/29 dev lan0" } } },
	{ "proxy-only", "only the web proxy may go out", "proxy-required", 2, 0,
	  { { LAB_GATEWAY, LAB_FORWARD, "drop" },
	    { LAB_DEVICE, LAB_ENV, "http_proxy=http://192.168.77.1:3128" } } },
	{ "proxy-login", "only the web proxy may go out, for whoever has a password",
	  "proxy-required", 2, 0,
	  { { LAB_GATEWAY, LAB_FORWARD, "drop" },
	    { LAB_DEVICE, LAB_ENV, "https_proxy=http://alice:secret@192.168.77.1:3128/" } },
	  { .proxy = LAB_PROXY_LOGIN } },
	{ "proxy-wpad", "only the web proxy may go out, which DHCP names", "proxy-required", 2, 0,
	  { { LAB_GATEWAY, LAB_FORWARD, "drop" },
	    LEASE_OF("  option wpad \"http://192.168.77.1:3128/wpad.dat\";\n") } },
	{ "proxy-left-over", "nothing gets out; the proxy named is another network's",
	  "udp-all-blocked", 2, 0,
	  { { LAB_GATEWAY, LAB_FORWARD, "drop" },
	    { LAB_DEVICE, LAB_ENV, "http_proxy=http://10.99.0.1:3128" } } },
	{ "proxy-clean", "a web proxy is named, but nobody needs it", NULL, 0, 0,
	  { { LAB_DEVICE, LAB_ENV, "http_proxy=http://192.168.77.1:3128" } } },
	{ "portal-passed", "a captive portal that has let this MAC through", NULL, 0, 0,
	  { KNOWN_MAC, MAC_PORTAL(THIS_MAC) } },
	{ "portal-shut", "the same portal has let another MAC through", "captive-http", 2, 0,
	  { KNOWN_MAC, MAC_PORTAL(OTHER_MAC) } },
	{ "portal-dhcp", "a captive portal that DHCP names", "captive-http", 2, 0,
	  { PORTAL, LEASE_OF("  option unknown-114 \"https://portal.hotel.example/api\";\n") },
	  { .http = LAB_HTTP_REDIRECT } },
	{ "mac-allowlist", "the gateway lets listed MACs out, and not this one", "udp-all-blocked", 2, 0,
	  { KNOWN_MAC, MAC_ALLOWED(OTHER_MAC) } },
	{ "mac-allowed", "the gateway lets listed MACs out, this one too", NULL, 0, 0,
	  { KNOWN_MAC, MAC_ALLOWED(THIS_MAC) } },
	{ "docker-host", "the host forwards, for its containers alone", NULL, 0, 0,
	  { { LAB_DEVICE, LAB_SYSCTL, "net/ipv4/ip_forward=1" },
	    { LAB_DEVICE, LAB_IP, "link add docker0 type bridge\naddr add 172.17.0.1/16 dev docker0\n"
				  "link add name veth0 type veth peer name guest0\n"
				  "link set veth0 master docker0 up\nlink set guest0 up\n"
				  "link set docker0 up" } } },
	{ "host-forwards", "the host forwards for a LAN of its own", "host-forwards", 3, 0,
	  { { LAB_DEVICE, LAB_SYSCTL, "net/ipv4/ip_forward=1" },
	    { LAB_DEVICE, LAB_IP, "link add name lan1 type veth peer name port1\n"
				  "addr add 192.168.88.1/24 dev lan1\n"
				  "link set lan1 up\nlink set port1 up" } } },

	/* the whole path */
	{ "everything-dropped", "the gateway forwards nothing", "udp-all-blocked", 2,
	  .changes = { { LAB_GATEWAY, LAB_FORWARD, "drop" } } },
	{ "everything-rejected", "the gateway rejects everything by policy", "udp-rejected", 2,
	  .changes = { { LAB_GATEWAY, LAB_FORWARD, ADMIN_PROHIBITED } } },
	{ "routers-rate-limited", "routers send one ICMP error a second", NULL, 0,
	  .changes = { { LAB_R1, LAB_SYSCTL, SLOW_ICMP },
		       { LAB_R2, LAB_SYSCTL, SLOW_ICMP },
		       { LAB_R3, LAB_SYSCTL, SLOW_ICMP } } },
	{ "routers-load-balanced", "two routers share the flows", NULL, 0, LAB_BALANCED },
	{ "routers-silent", "routers send no Time Exceeded", NULL, 0,
	  .changes = { { LAB_R1, LAB_OUTPUT, NO_TIME_EXCEEDED },
		       { LAB_R2, LAB_OUTPUT, NO_TIME_EXCEEDED },
		       { LAB_R3, LAB_OUTPUT, NO_TIME_EXCEEDED } } },
	{ "router-2-silent", "router 2 sends no Time Exceeded", NULL, 0,
	  .changes = { { LAB_R2, LAB_OUTPUT, NO_TIME_EXCEEDED } } },
	{ "icmp-filtered", "the gateway lets no ICMP error in", NULL, 0,
	  .changes = { { LAB_GATEWAY, LAB_FORWARD,
			 "iifname \"wan0\" icmp type { time-exceeded, destination-unreachable } drop" } } },
	{ "ttl-rewritten", "the gateway gives every packet a new TTL", NULL, 0,
	  .changes = { { LAB_GATEWAY, LAB_ENTRY, "iifname \"lan0\" ip ttl set 64" } } },
	{ "double-nat", "a second NAT behind the gateway", NULL, 0, LAB_DOUBLE_NAT },

	/* CMD on the gateway itself: only --as-client br-lan shows what it forwards (0, and 2 with U2) */
	{ "gateway-host", "CMD runs on the gateway; nothing is wrong", "host-forwards", 3,
	  LAB_ON_GATEWAY },
	{ "gateway-forward-drop", "CMD runs on the gateway, which forwards no UDP 5684",
	  "host-forwards", 3, LAB_ON_GATEWAY, { { LAB_GATEWAY, LAB_FORWARD, DROP_UDP } } },
};
/* clang-format on */
const size_t n_lab_fault_table = sizeof(lab_fault_table) / sizeof(lab_fault_table[0]);
