/*
 * The model: what a run is made of. Measuring writes observations, judging reads them; they meet
 * nowhere else.
 *
 * Promises: an observation is numbered from 1, appended and never changed; its text is printable
 * ASCII whatever came off the wire; its numbers are rounded when written, so that an NDJSON line
 * read back gives the same bits. Everything a run points to lives in its arena (or in const data).
 */
#ifndef SALLYPORT_MODEL_H
#define SALLYPORT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/arena.h"
#include "sallyport/text.h"

struct profile;
struct settings;
struct host_facts;
struct nat_facts;

/* How far did it get? One vocabulary for all probes. Network results, never tool errors. */
enum outcome {
	OUTCOME_ANSWERED,       /* a reply that makes sense came (attributes say which) */
	OUTCOME_SILENT,         /* nothing came within the time given */
	OUTCOME_REFUSED,        /* RST to a SYN, or ICMP port unreachable from the target itself */
	OUTCOME_RESET,          /* an open TCP connection was reset or closed early */
	OUTCOME_REJECTED,       /* ICMP prohibited, or port unreachable from another than the target */
	OUTCOME_UNREACHABLE,    /* ICMP no route, host or net unreachable; no local route */
	OUTCOME_DENIED_LOCALLY, /* this host's own rules refused the send (EPERM) */
	OUTCOME_GARBLED,        /* bytes that break the protocol */
	OUTCOME_MISMATCH,       /* well-formed, but not what the authentic peer sends */
	OUTCOME_ABORTED,        /* stopped by interrupt or budget while under way */
	OUTCOME_NOT_RUN,        /* never started; attribute `reason` says why */
	OUTCOME_COUNT
};
extern const char *const outcome_names[OUTCOME_COUNT];

enum state { STATE_PASS, STATE_WARN, STATE_FAIL, STATE_UNKNOWN, STATE_SKIPPED, STATE_NA, STATE_COUNT };
extern const char *const state_names[STATE_COUNT];

enum confidence { CONF_PROVEN, CONF_LIKELY, CONF_UNDETERMINED, CONF_COUNT };
extern const char *const confidence_names[CONF_COUNT];

/* What a fault means for the devices. */
enum effect {
	EFFECT_NOTE,    /* worth saying, changes nothing for the devices */
	EFFECT_FRAGILE, /* they work, but degraded */
	EFFECT_BLOCKS,  /* they cannot work */
	EFFECT_DOUBT,   /* what was seen from here does not show it */
	EFFECT_COUNT
};

enum kind_state { KIND_YES, KIND_FRAGILE, KIND_NO, KIND_UNKNOWN, KIND_STATE_COUNT };
extern const char *const kind_state_names[KIND_STATE_COUNT];

enum attr_type { ATTR_INT, ATTR_REAL, ATTR_BOOL, ATTR_TEXT };

/*
 * Every attribute an observation can carry: X(id, name, type, unit, help).
 * Adding one is a row here; the journal, the JSON schema and `explain` read this table.
 * Conventions: the packet is described by proto, src, src_port, address, port, name;
 * `packets` and `bytes` (IP bytes, headers included) are what this attempt sent;
 * `waited_ms` is the time from the send to `t`, so t - waited_ms is when the packet left.
 */
#define ATTR_LIST(X)                                                                               \
	/* the packet */                                                                           \
	X(PROTO, "proto", TEXT, "", "udp, tcp, icmp or arp")                                       \
	X(SRC, "src", TEXT, "", "local address")                                                   \
	X(SRC_PORT, "src_port", INT, "", "local port")                                             \
	X(ADDRESS, "address", TEXT, "", "address the packet was sent to")                          \
	X(PORT, "port", INT, "", "port the packet was sent to")                                    \
	X(NAME, "name", TEXT, "", "name that gave the address")                                    \
	X(ROLE, "role", TEXT, "", "target, control, never, or suspect")                            \
	X(OPERATOR, "operator", TEXT, "", "who runs the far end, from the profile")                \
	X(PACKETS, "packets", INT, "", "packets sent by this attempt")                             \
	X(BYTES, "bytes", INT, "B", "IP bytes sent by this attempt")                               \
	X(RTT_MS, "rtt_ms", REAL, "ms", "from send to reply, kernel timestamps")                   \
	X(WAITED_MS, "waited_ms", REAL, "ms", "from send to the time of this observation")         \
	X(LATE, "late", BOOL, "", "the reply came after its attempt was noted as silent")          \
	X(REASON, "reason", TEXT, "", "why not run, or a short machine word for the result")       \
	X(PHASE, "phase", TEXT, "", "connect, greeting, tls, http ...: the step this is about")    \
	X(HEX, "hex", TEXT, "", "first bytes received, at most 64")                                \
	X(ERRNO, "errno", INT, "", "errno of a failed system call")                                \
	X(EXTRA, "extra", INT, "", "further replies to the same question")                         \
	/* ICMP */                                                                                 \
	X(ICMP_TYPE, "icmp_type", INT, "", "type of the ICMP error")                               \
	X(ICMP_CODE, "icmp_code", INT, "", "code of the ICMP error")                               \
	X(ICMP_FROM, "icmp_from", TEXT, "", "sender of the ICMP error")                            \
	X(FROM_SELF, "from_self", BOOL, "", "the ICMP error came from this host")                  \
	/* link and gateway */                                                                     \
	X(OPERSTATE, "operstate", TEXT, "", "operational state of the interface (RFC 2863)")       \
	X(CARRIER, "carrier", BOOL, "", "the link has a carrier")                                  \
	X(MTU, "mtu", INT, "B", "interface MTU")                                                   \
	X(ADDRESSES, "addresses", TEXT, "", "addresses, separated by spaces")                      \
	X(ADDRESS_KIND, "address_kind", TEXT, "", "best of: global, private, cgnat, link-local, none") \
	X(MAC, "mac", TEXT, "", "link-layer address")                                              \
	X(NEIGH_STATE, "neigh_state", TEXT, "", "kernel neighbour state")                          \
	X(LAN_PEERS, "lan_peers", INT, "", "other neighbours on the link that answer")             \
	/* DHCP, of a client with --as-client */                                                    \
	X(DHCP, "dhcp", TEXT, "", "bound, no-offer, no-ack or refused")                            \
	X(DHCP_SERVER, "dhcp_server", TEXT, "", "server that gave the address")                    \
	X(LEASE, "lease_s", INT, "s", "how long the address was given for")                        \
	/* DNS */                                                                                  \
	X(QTYPE, "qtype", TEXT, "", "A or AAAA")                                                   \
	X(RCODE, "rcode", INT, "", "DNS response code, extended where EDNS gives one")             \
	X(ANSWERS, "answers", TEXT, "", "addresses answered, in wire order")                       \
	X(CNAME, "cname", TEXT, "", "last name of the CNAME chain")                                \
	X(TTL, "ttl_s", INT, "s", "lowest TTL of the answer")                                      \
	X(EDE, "ede", INT, "", "Extended DNS Error (RFC 8914)")                                    \
	X(TRUNCATED, "tc", BOOL, "", "the TC bit was set")                                         \
	X(RESOLVER, "resolver", TEXT, "", "server asked")                                          \
	X(SECOND_ANSWERS, "second_answers", TEXT, "", "a later, different reply's addresses")      \
	/* NTP */                                                                                  \
	X(STRATUM, "stratum", INT, "", "NTP stratum")                                              \
	X(LEAP, "leap", INT, "", "NTP leap indicator")                                             \
	X(REFID, "refid", TEXT, "", "NTP reference id or kiss code")                               \
	X(OFFSET_MS, "offset_ms", REAL, "ms", "server clock minus ours")                           \
	X(ORIGIN_OK, "origin_ok", BOOL, "", "the reply echoed our transmit timestamp")             \
	/* DTLS */                                                                                 \
	X(DTLS, "dtls", TEXT, "", "message received: hello-verify-request, server-hello, alert ...") \
	X(ALERT, "alert", INT, "", "TLS or DTLS alert description")                                \
	X(IDENTITY, "identity", TEXT, "", "verified, wrong-signature, alert, stalled, no-key ...") \
	X(SUITE, "suite", INT, "", "cipher suite chosen")                                          \
	X(COOKIE_BYTES, "cookie_bytes", INT, "B", "length of the cookie")                          \
	X(FLIGHT, "flight", TEXT, "", "handshake messages that arrived, in order")                 \
	X(PEER_CLOCK_OFFSET_S, "peer_clock_offset_s", INT, "s", "coarse server clock minus ours")  \
	/* TCP greeting */                                                                         \
	X(GREETING, "greeting", TEXT, "", "nonce, text, tls, http, short, long, closed, silent")   \
	X(GREETING_BYTES, "greeting_bytes", INT, "B", "bytes received before the verdict")         \
	/* TLS */                                                                                  \
	X(SNI, "sni", TEXT, "", "server name sent: real, other or none")                           \
	X(TLS_VERSION, "tls_version", TEXT, "", "negotiated version")                              \
	X(CHAIN_OK, "chain_ok", BOOL, "", "chain verifies against the trust store")                \
	X(CHAIN_OK_UNDATED, "chain_ok_undated", BOOL, "", "chain verifies when dates are left out")   \
	X(NAME_OK, "name_ok", BOOL, "", "certificate is for this name")                            \
	X(VERIFY, "verify", TEXT, "", "short word of the verification result")                     \
	X(ISSUER, "issuer", TEXT, "", "issuer of the leaf certificate")                            \
	X(SUBJECT, "subject", TEXT, "", "subject of the leaf certificate")                         \
	X(NOT_BEFORE, "not_before", TEXT, "", "start of validity, RFC 3339")                       \
	X(NOT_AFTER, "not_after", TEXT, "", "end of validity, RFC 3339")                           \
	X(SPKI_SHA256, "spki_sha256", TEXT, "", "hash of the leaf's public key, hex")              \
	/* HTTP */                                                                                 \
	X(URL, "url", TEXT, "", "URL asked for")                                                   \
	X(STATUS, "status", INT, "", "HTTP status code")                                           \
	X(LOCATION, "location", TEXT, "", "redirect target")                                       \
	X(BODY_OK, "body_ok", BOOL, "", "status and body are what the operator serves")            \
	X(SERVER, "server", TEXT, "", "Server header")                                             \
	X(HTTP_DATE, "http_date", TEXT, "", "Date header as RFC 3339")                             \
	X(PROXY, "proxy", TEXT, "", "web proxy, host:port")                                        \
	X(CAPTIVE, "captive", BOOL, "", "the portal's own word (RFC 8908)")                        \
	/* path */                                                                                 \
	X(SERIES, "series", TEXT, "", "which packet the steps carry, such as udp:5684")            \
	X(CONTROL_OF, "control_of", TEXT, "", "series this one is the control of")                 \
	X(IP_TTL, "ip_ttl", INT, "", "TTL the packet left with")                                   \
	X(HOP, "hop", TEXT, "", "router that answered Time Exceeded")                              \
	X(ROUND, "round", INT, "", "round of the hop differential, from 1")                        \
	X(ORDER, "order", INT, "", "place in the sequence of packets to this hop, from 1")         \
	X(REPLY, "reply", TEXT, "", "time-exceeded, syn-ack, rst, data, icmp")                     \
	/* NAT: see nat.h for what a probe writes when */                                          \
	X(STATE, "state", TEXT, "", "what the flow had seen: new, replied, burst or established")  \
	X(LOWER_S, "lower_s", REAL, "s", "longest idle time that every mapping survived")          \
	X(UPPER_S, "upper_s", REAL, "s", "shortest idle time that none survived")                  \
	X(SPREAD_S, "spread_s", REAL, "s", "by so much the repeats differed")                      \
	X(TRIALS, "trials", INT, "", "mappings that survived lower_s")                             \
	X(CONFIRMED, "confirmed", BOOL, "", "two mappings died by upper_s while a younger one lived") \
	X(METHOD, "method", TEXT, "", "how it was learnt: poke, same-socket, second-address ...")  \
	X(LOSS, "loss", REAL, "", "share of packets lost one way, at most (0 to 1)")               \
	X(JITTER_MS, "jitter_ms", REAL, "ms", "one-way jitter, 99th percentile")                   \
	X(REFRESH_IN, "refresh_in", BOOL, "", "inbound packets alone restart the timer")           \
	X(REFRESH_OUT, "refresh_out", BOOL, "", "outbound packets alone restart the timer")        \
	X(EXPIRY, "expiry", TEXT, "", "what an expired TCP flow looks like: rst or silent")        \
	X(MAPPING, "mapping", TEXT, "", "mapping behaviour (RFC 4787 section 4.1)")                \
	X(FILTERING, "filtering", TEXT, "", "filtering behaviour (RFC 4787 section 5)")            \
	X(HAIRPIN, "hairpin", BOOL, "", "an inside host reaches another by its outside address")   \
	X(PORT_PRESERVING, "port_preserving", BOOL, "", "the outside port is the inside one")      \
	X(FORGETS_FIRST, "forgets_first", TEXT, "", "the hop whose timer is the shortest")         \
	X(LAYERS, "layers", INT, "", "NATs on the way")                                            \
	/* data limits */                                                                          \
	X(LIMIT, "limit", TEXT, "", "which documented limit was reached")

enum attr {
#define X(id, name, type, unit, help) A_##id,
	ATTR_LIST(X)
#undef X
	ATTR_COUNT
};



struct attr_def {
	const char *name;
	enum attr_type type;
	const char *unit, *help;
};
extern const struct attr_def attr_defs[ATTR_COUNT];
int attr_by_name(const char *name); /* index or -1 */

enum { OBS_MAX_ATTRS = 28, OBS_TEXT_MAX = 512, RUN_MAX_OBSERVATIONS = 20000 };

struct attr_value {
	enum attr key;
	union {
		int64_t i;
		double d; /* rounded to 0.001 */
		bool b;
		const char *s;
	};
};

struct observation {
	uint32_t n;         /* from 1 */
	uint64_t t_us;      /* since the start of the run, monotonic */
	const char *check;  /* check id */
	const char *target; /* as in the check */
	uint32_t attempt;   /* from 1; 0 where there are no attempts */
	enum outcome outcome;
	uint8_t n_attrs;
	struct attr_value attrs[OBS_MAX_ATTRS];
};

/* Builders for a struct observation on the caller's stack. Texts are copied when the observation
 * is appended to a run; until then they must live. Setting the same key twice replaces it. */
void obs_begin(struct observation *o, const char *check, const char *target, uint32_t attempt,
	       enum outcome outcome);
void obs_int(struct observation *o, enum attr key, int64_t v);
void obs_real(struct observation *o, enum attr key, double v);
void obs_bool(struct observation *o, enum attr key, bool v);
void obs_text(struct observation *o, enum attr key, const char *s);
/* Formats into storage inside the run (printable ASCII). */
struct run;
void obs_addr(struct run *r, struct observation *o, enum attr key, const struct addr *a);
void obs_wire(struct run *r, struct observation *o, enum attr key, struct wire_text t);
/* proto, src, src_port, address, port in one call; NULL or empty parts are left out. */
void obs_flow(struct run *r, struct observation *o, const char *proto, const struct endpoint *src,
	      const struct endpoint *dst);

/* Readers; the second argument of _or is given back where the attribute is absent. */
bool obs_has(const struct observation *o, enum attr key);
int64_t obs_get_int(const struct observation *o, enum attr key, int64_t or);
double obs_get_real(const struct observation *o, enum attr key, double or);
bool obs_get_bool(const struct observation *o, enum attr key, bool or);
const char *obs_get_text(const struct observation *o, enum attr key, const char *or);
bool obs_text_is(const struct observation *o, enum attr key, const char *s);

/* One planned measurement. Planning fills the first part, judging the second. */
struct check {
	const char *id;     /* contract id: link, dns.name, udp5684.hello ... */
	const char *target; /* name, address or URL it is about */
	int target_index;   /* into profile->targets, or -1 */
	int resolver_index; /* into host_facts->resolvers, or -1 */
	const char *probe;  /* row of probe_table that measures it */
	bool required;      /* a kind that counts needs it */
	bool chosen;        /* false when --only or --skip left it out */
	uint32_t packets, bytes; /* cost at most, IP bytes; for --dry-run */

	enum state state;
	const char *because; /* check id or fault slug that explains fail, skipped, unknown */
	uint32_t attempts, answered;
	double rtt_ms; /* lowest; negative when none */
	uint32_t *evidence;
	size_t n_evidence;
};

struct fault;

struct verdict {
	const struct fault *fault; /* judge.h */
	enum state state;          /* fail, warn or pass (a note) */
	enum confidence confidence;
	enum effect effect;
	const char *scope;                                 /* host or devices */
	const char *subject;                               /* "UDP 5684", "10.0.0.53" ...: what it is about */
	const char *impact, *summary, *seen, *who, *remedy, *confirm; /* sentences */
	const char *decide;  /* what would decide, when not proven; else NULL */
	const char *ask;     /* what to write in a ticket, or NULL when nothing is to be asked */
	uint64_t targets;    /* bit i: profile->targets[i] is affected */
	uint64_t kinds;      /* bit i: about profile->kinds[i] itself, whatever it needs; 0: about targets */
	const char **log;    /* five-tuples with time windows, ready to print */
	size_t n_log;
	uint32_t *evidence;
	size_t n_evidence;
	const char **hides; /* slugs of faults that are only its consequences in this run */
	size_t n_hides;
	bool hidden;        /* is itself a consequence of another one */
};

struct kind_verdict {
	int kind_index; /* into profile->kinds */
	enum kind_state state;
	const char *because; /* fault slug or check id, or NULL */
	bool counts;
};

/* One keep-alive setting and what it means here. */
struct keepalive_row {
	const char *name; /* shipped, always, balanced, data-saver */
	const char *call; /* ready to paste; NULL: nothing to set */
	double interval_s;
	bool met;         /* false: cannot be reached with any interval; this is the floor */
	double unreachable_s_per_day, gaps_per_month, bytes_per_month;
	double plan_share; /* of the device's part of the data plan; negative: none pays for it here */
	unsigned losses;   /* in a row that the mapping survives */
};
enum { KEEPALIVE_ROWS = 4 };

/* Does the default of a kind fit, on one interface and firmware? */
struct keepalive_kind {
	int kind_index;         /* into profile->kinds */
	const char *interface;
	const char *firmware;   /* older than this; NULL: the current one */
	double default_s;
	const char *fit;        /* unknown, fits, edge, short-when-new, short */
};

struct keepalive {
	double profile_default_s, recommended_s;
	const char *reachability; /* "always", "balanced" or "data-saver" */
	double bytes_per_month;
	const char *text; /* one or two sentences for people */
	const char **reasons; /* fault slugs */
	size_t n_reasons;
	bool known; /* false: rests on the profile alone, and there is nothing below */
	struct keepalive_row rows[KEEPALIVE_ROWS];
	size_t n_rows;
	/* the two levers: either one alone is enough */
	struct keepalive_row device;   /* name NULL: no interval does */
	struct keepalive_row firewall; /* the interval once timer_s is set; name NULL: no need */
	double timer_s;                /* UDP idle timer to ask for; 0: none */
	uint16_t port;                 /* for flows to this port */
	double bytes_per_ping, bytes_per_ping_cid; /* 0: unknown */
	struct keepalive_kind *kinds;
	size_t n_kinds;
	const char **notes; /* what went into it, and what it does not say */
	size_t n_notes;
};

/* The source of a need where no device was named: never `any`, this host or the LAN. */
#define NEED_PLACEHOLDER "DEVICE-MAC"

struct need {
	const char *from; /* device MAC, address or the placeholder; never this host */
	const char *to;   /* name, wildcard or address */
	const char *proto;
	uint16_t port;
	const char *direction; /* "out" */
	bool required;
	const char *why;
	const char *expires; /* NULL when it does not */
	const char **addresses; /* seen in this run's DNS answers */
	size_t n_addresses;
	int target_index;
};

struct contact {
	const char *name, *address, *proto, *operator, *why;
	uint16_t port;
	uint64_t packets, bytes;
};

struct not_tested {
	const char *what, *why;
};

enum end_reason { END_COMPLETE, END_INTERRUPTED, END_ERROR, END_COUNT };
extern const char *const end_reason_names[END_COUNT];

struct run {
	struct arena *arena;
	/* facts, fixed when the run starts; all of them travel in run_start */
	const char *id, *version, *host_name;
	int64_t started_us;   /* wall clock */
	int32_t utc_offset_s; /* local zone at that time */
	const struct profile *profile;
	const struct settings *settings;
	const struct host_facts *host;
	struct check *checks; /* plan.h */
	size_t n_checks;
	/* what was seen */
	struct observation **obs;
	size_t n_obs, cap_obs;
	enum end_reason ended;
	uint64_t duration_us;
	/* what follows; filled by judge_run(), pure */
	struct verdict *verdicts;
	size_t n_verdicts;
	struct kind_verdict *kinds;
	size_t n_kinds;
	const struct nat_facts *nat; /* nat.h */
	struct keepalive keepalive;
	struct need *needs;
	size_t n_needs;
	struct contact *contacted;
	size_t n_contacted;
	struct not_tested *not_tested;
	size_t n_not_tested;
	int exit; /* err.h: SP_EXIT_WORKS to SP_EXIT_UNKNOWN */
};

struct run *run_new(void);
void run_free(struct run *r); /* NULL is allowed */
/* Copies o into the run, numbers it and returns the copy; NULL once RUN_MAX_OBSERVATIONS is
 * reached (the last one then is an observation with attribute limit). */
const struct observation *run_append(struct run *r, const struct observation *o);
const struct check *run_check(const struct run *r, const char *id, const char *target);

#endif
