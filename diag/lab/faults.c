/*
 * The faults the lab can put on its network. A row says what changes where, and which verdict and
 * exit code `check` owes with the default profile; rows without an expected verdict are clean, or
 * look like a fault without being one. In rules, $UDP, $TCP and $NTP are the profile's ports and
 * $FORGED is the impostor's address.
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

	/* DNS */
	{ "resolver-down", "the resolver is silent", "resolver-down", 2,
	  .knobs = { .dns = LAB_DNS_MUTE } },
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
	{ "dns-hostile-cname", "the answer's CNAME holds hostile bytes", NULL, 0,
	  .knobs = { .dns = LAB_DNS_HOSTILE_CNAME } },
	{ "offnet-dns-blocked", "only the site's own resolver may be asked", NULL, 0,
	  .changes = { { LAB_GATEWAY, LAB_FORWARD, "meta l4proto { tcp, udp } th dport 53 drop" } } },

	/* portals and proxies */
	{ "captive-http", "a captive portal redirects HTTP, all else is dropped", "captive-http", 2,
	  .changes = { PORTAL }, .knobs = { .http = LAB_HTTP_REDIRECT } },
	{ "captive-page", "a captive portal answers HTTP itself, all else is dropped",
	  "captive-http", 2, .changes = { PORTAL }, .knobs = { .http = LAB_HTTP_PAGE } },
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
	{ "fw-reset", "router 2 resets TCP 5683", "fw-reset", 0,
	  .changes = { { LAB_R2, LAB_FORWARD, "tcp dport $TCP reject with tcp reset" } } },
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
	{ "udp-rejected", "router 1 rejects UDP 5684 by policy", "udp-rejected", 2,
	  .changes = { { LAB_R1, LAB_FORWARD, "udp dport $UDP " ADMIN_PROHIBITED } } },
	{ "udp-rejected-port", "the gateway rejects UDP 5684 as port unreachable", "udp-rejected", 2,
	  .changes = { { LAB_GATEWAY, LAB_FORWARD, "udp dport $UDP reject" } } },
	{ "server-down", "the cloud's host has closed UDP 5684", "server-down", 2,
	  .changes = { { LAB_FAR, LAB_INPUT, "udp dport $UDP reject" } } },
	{ "server-mute", "the cloud's host drops UDP 5684 itself", NULL, 2,
	  .changes = { { LAB_FAR, LAB_INPUT, DROP_UDP } } },
	{ "flight-stall", "router 2 drops the server's longer DTLS packets", "flight-stall", 1,
	  .changes = { { LAB_R2, LAB_FORWARD, "udp sport $UDP ip length > 100 drop" } } },

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
	{ "ntp-wrong", "the time server is wrong", "ntp-wrong", 0, .knobs = { .ntp = LAB_NTP_WRONG } },
	{ "ntp-unsync", "the time server says it has no time", "ntp-wrong", 0,
	  .knobs = { .ntp = LAB_NTP_UNSYNC } },
	{ "ntp-kod", "the time server asks for fewer questions", "ntp-kod", 0,
	  .knobs = { .ntp = LAB_NTP_KOD_RATE } },
	{ "ntp-kod-deny", "the time server refuses us", "ntp-kod", 0,
	  .knobs = { .ntp = LAB_NTP_KOD_DENY } },
	{ "ntp-origin", "NTP answers do not match the question", NULL, 0,
	  .knobs = { .ntp = LAB_NTP_BAD_ORIGIN } },

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
	{ "double-nat", "a second NAT behind the gateway", NULL, 0, LAB_DOUBLE_NAT },

	/* CMD on the gateway itself: what it forwards shows only with --as-client br-lan */
	{ "gateway-host", "CMD runs on the gateway; nothing is wrong", NULL, 0, LAB_ON_GATEWAY },
	{ "gateway-forward-drop", "CMD runs on the gateway, which forwards no UDP 5684", NULL, 0,
	  LAB_ON_GATEWAY, { { LAB_GATEWAY, LAB_FORWARD, DROP_UDP } } },
};
/* clang-format on */
const size_t n_lab_fault_table = sizeof(lab_fault_table) / sizeof(lab_fault_table[0]);
