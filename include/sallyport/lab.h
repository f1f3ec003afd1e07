/*
 * The lab: a private fake Internet in network namespaces, with faults on it.
 *
 *   device --- gateway (nftables NAT) ---[link]--- r1 --- r2 --- r3 --- server side
 *              192.168.77.0/24           delay, loss
 *
 * Promises: it never touches the host's own network, tears down on every way out (all of it lives
 * in a PID namespace of its own), and many can run at once. CMD sees only what a site would give
 * it, plus SALLYPORT_IDENTITY_KEY and SSL_CERT_FILE.
 */
#ifndef SALLYPORT_LAB_H
#define SALLYPORT_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/err.h"
#include "sallyport/loop.h"
#include "sallyport/profile.h"

/* Knobs that far-side servers read. Each is set by a row of the lab's fault table; 0 or NULL is
 * the honest server. */
struct lab_knobs {
	/* link */
	double delay_ms, jitter_ms, loss, reorder; /* one way; loss and reorder 0..1 */
	/* DNS (server on the gateway, 192.168.77.1): how it lies */
	enum lab_dns {
		LAB_DNS_HONEST, LAB_DNS_MUTE, LAB_DNS_UDP_MUTE, LAB_DNS_NXDOMAIN, LAB_DNS_SERVFAIL,
		LAB_DNS_REFUSED, LAB_DNS_EMPTY, LAB_DNS_SINKHOLE, LAB_DNS_PRIVATE, LAB_DNS_FORGED,
		LAB_DNS_GARBAGE, LAB_DNS_TWICE, LAB_DNS_EDE, LAB_DNS_HOSTILE_CNAME,
		LAB_DNS_PORTAL, /* every name gives the gateway */
		LAB_DNS_A_ONLY, /* silent when asked for AAAA */
		LAB_DNS_SLOW, LAB_DNS_FLAKY, /* 3 s late; every second question is lost */
		LAB_DNS_RACED,  /* a forged answer, then the honest one */
		LAB_DNS_STALE,  /* an address that is gone stands before the right one */
		LAB_DNS_64,     /* makes IPv6 addresses for names that have none (RFC 6147) */
	} dns;
	/* NTP */
	enum lab_ntp { LAB_NTP_HONEST, LAB_NTP_WRONG, LAB_NTP_KOD_RATE, LAB_NTP_KOD_DENY,
		       LAB_NTP_UNSYNC, LAB_NTP_BAD_ORIGIN } ntp;
	double clock_offset_s; /* what the servers' clocks (NTP, TLS dates, HTTP Date) are ahead */
	/* DTLS on UDP 5684 */
	enum lab_dtls {
		LAB_DTLS_HONEST, LAB_DTLS_MUTE, LAB_DTLS_ALERT, LAB_DTLS_ALERT_AFTER_COOKIE,
		LAB_DTLS_STALL, /* cookie exchange, then nothing */
		LAB_DTLS_WRONG_KEY, LAB_DTLS_TEXT, LAB_DTLS_RANDOM, LAB_DTLS_FRAGMENTS,
		LAB_DTLS_ONE_DATAGRAM, LAB_DTLS_TWICE, LAB_DTLS_LATE, LAB_DTLS_NO_COOKIE,
		LAB_DTLS_NO_ECHO,
		LAB_DTLS_CERTIFICATE, /* its raw key as a message too, as RFC 7250 has it */
	} dtls;
	/* TCP 5683 */
	enum lab_greeting { LAB_GREETING_HONEST, LAB_GREETING_TEXT, LAB_GREETING_TLS,
			    LAB_GREETING_HTTP, LAB_GREETING_SHORT, LAB_GREETING_LONG,
			    LAB_GREETING_CLOSE, LAB_GREETING_SILENT } greeting;
	/* TLS on TCP 443 */
	enum lab_tls { LAB_TLS_HONEST, LAB_TLS_PRIVATE_CA, LAB_TLS_SNI_FILTER, LAB_TLS_EXPIRED,
		       LAB_TLS_WRONG_NAME, LAB_TLS_HANG, LAB_TLS_ALERT } tls;
	/* HTTP on TCP 80 */
	enum lab_http { LAB_HTTP_HONEST, LAB_HTTP_REDIRECT, LAB_HTTP_PAGE, LAB_HTTP_SILENT,
			LAB_HTTP_CACHED /* the page and its Date are six hours old */ } http;
	/* the web proxy on the gateway, TCP 3128 */
	enum lab_proxy { LAB_PROXY_OPEN, LAB_PROXY_LOGIN /* 407 */ } proxy;
};

/* What the servers need to know: made once per lab, before any namespace. */
struct lab_world {
	const struct profile *profile; /* names, ports, URLs that the far side must answer for */
	struct lab_knobs knobs;
	char dir[64];           /* private scratch directory: key and CA files live here */
	const char *self;       /* the program that started the lab */
	struct addr resolver;   /* the gateway's LAN address: where the DNS server listens */
	struct addr resolver6;  /* the same for IPv6, where a row gives the gateway one */
	struct addr cloud_udp, cloud_tcp, web, ntp, portal, other, forged; /* far-side addresses */
	struct addr gone;       /* routed to the far side, where nobody has it */
	/* keys, made by lab_keys_make() */
	uint8_t spki[128];      /* of the DTLS identity key, DER */
	size_t spki_len;
	void *identity_key;     /* EVP_PKEY of the DTLS server */
	void *wrong_key;        /* EVP_PKEY of an impostor */
};
/* The address the lab's DNS gives for a name (suffix match on the profile's names); false when the
 * lab does not know the name. */
bool lab_world_lookup(const struct lab_world *w, const char *name, struct addr *out);
/* The port of the profile's first target with that probe, or the fallback. */
uint16_t lab_world_port(const struct lab_world *w, const char *probe, uint16_t fallback);

/* A far-side (or gateway-side) server: runs inside an already entered namespace, on its loop. */
struct lab_server {
	const char *name;
	enum lab_side { LAB_SIDE_GATEWAY, LAB_SIDE_FAR, LAB_SIDE_DEVICE } side;
	/* Opens sockets and registers them; they live as long as the process. 0 or negative. */
	int (*start)(struct loop *l, const struct lab_world *w);
};
extern const struct lab_server lab_server_dns, lab_server_dns_public, lab_server_dtls;
extern const struct lab_server *const lab_servers[]; /* diag/lab/servers.c */
extern const size_t n_lab_servers;

/* The machines of the lab, each a network namespace. NAT2 and R2B exist only in some shapes; LINK
 * is the machine in the middle of the user-space link. */
enum lab_node {
	LAB_DEVICE, LAB_GATEWAY, LAB_NAT2, LAB_R1, LAB_R2, LAB_R2B, LAB_R3, LAB_FAR, LAB_LINK,
	LAB_NODE_COUNT,
};

/* Other forms of the topology; bits. */
enum lab_shape {
	LAB_DOUBLE_NAT = 1,  /* a second NAT between gateway and r1 */
	LAB_BALANCED = 2,    /* r1 spreads flows over r2 and r2b */
	LAB_NO_RESOLVER = 4, /* the device's resolv.conf names no server */
	LAB_TWO_RESOLVERS = 16, /* ... names a public one after the gateway's */
	LAB_RELAY = 8,       /* user-space link: set when delay, jitter, loss or reorder is asked for */
	LAB_VPN = 256,       /* a tunnel tun0, 10.8.0.2/24, from the device to the far side */
	LAB_UPLINK2 = 512,   /* the device has eth1 as well, straight to r1 */
	LAB_STUB = 1024,     /* a resolver of its own runs on the device: 127.0.0.53 */
	LAB_ON_GATEWAY = 2048, /* CMD runs on the gateway; its LAN is a bridge with the device on a port */
};

/* One thing a fault changes on one node. Several faults' changes add up, in the order given. */
struct lab_change {
	enum lab_node node;
	enum lab_change_kind {
		LAB_INPUT = 1, /* nftables rules of that chain; ... */
		LAB_OUTPUT,
		LAB_FORWARD,
		LAB_PREROUTING, /* ... of type nat here */
		LAB_ENTRY,      /* prerouting of type filter: before the hop count is looked at */
		LAB_IP,         /* lines for `ip -batch`, after the node is set up */
		LAB_SYSCTL,     /* "net/ipv4/name=value" lines */
		/* of the device alone */
		LAB_RESOLV,     /* lines of resolv.conf, in place of the gateway's resolver */
		LAB_FILE,       /* a path, a line end, and what that file holds */
		LAB_ENV,        /* "NAME=VALUE" for CMD */
	} kind; /* 0 ends the list */
	const char *text;
};

enum { LAB_CHANGES_MAX = 6, LAB_FAULTS_MAX = 16 /* at once */ };

/* A fault the lab can put on the network: a row of data. */
struct lab_fault {
	const char *name;    /* what `sallyport lab NAME` takes: usually the fault's slug */
	const char *summary; /* one line for `lab list` */
	const char *expect;  /* slug of the verdict expected from `check`, NULL: none (clean, look-alike) */
	int exit;            /* exit code expected from `check` with the default profile */
	unsigned shape;      /* bits of enum lab_shape */
	struct lab_change changes[LAB_CHANGES_MAX];
	struct lab_knobs knobs;
};
extern const struct lab_fault lab_fault_table[];
extern const size_t n_lab_fault_table;

struct lab_options {
	/* Names of rows, and NAME=VALUE words, separated by commas: delay, jitter (ms, one way), loss,
	 * reorder (0..1), seed, without (names of lab_servers joined by '+', not started). */
	const char *faults;
	const char *profile; /* whose names the far side answers for */
	const char *far_hook, *gateway_hook; /* shell lines run on that side before CMD, or NULL */
	/* Called once with a line about the lab (seed, addresses) before CMD starts; may be NULL. */
	void (*note)(const char *line);
};

/* Makes the lab, runs argv (a shell when it is NULL) on the device, or by shape on the gateway, and
 * returns its exit code (128 + signal when it was killed), 127 or 126 with *err when it is not there
 * or cannot run, or a negative code with *err: SP_E_USAGE for the fault list, SP_E_DENIED without the
 * privilege for namespaces, SP_E_MISSING when a tool is not there. Blocks until everything of the lab
 * is gone. The process must have one thread. */
int lab_run(const struct lab_options *o, char *const argv[], struct sp_error *err);

#endif
