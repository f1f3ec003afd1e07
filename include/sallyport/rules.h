/*
 * Rules: the needs of a run as an allow-list in a firewall's own syntax.
 *
 * Promises: pure; the same run gives the same bytes. Every value is checked and in canonical form
 * before a dialect sees it: only parsed host names, addresses, MACs, numbers and plain words enter a
 * rule, what is anything else is refused and never escaped. The probing host and the whole LAN are
 * never a subject; without a device the subject is a placeholder that opens nothing. Nothing is ever
 * applied by sallyport.
 */
#ifndef SALLYPORT_RULES_H
#define SALLYPORT_RULES_H

#include <stdio.h>

#include "sallyport/err.h"
#include "sallyport/model.h"
#include "sallyport/profile.h"

enum { RULE_ID_LEN = 24, RULE_TAG_LEN = 65, RULE_NAME_LEN = 64 };

/* A device. Its MAC comes first; its address speaks for it only where no MAC is known. */
struct rule_subject {
	char mac[MAC_STRLEN]; /* empty: by address */
	struct addr ip;
	char name[RULE_NAME_LEN]; /* may be empty */
};

/* Devices that share rules. None: the placeholder. */
struct rule_group {
	struct rule_subject *subjects; /* sorted, each once */
	size_t n;
	bool by_mac, by_ip4, by_ip6; /* what the subjects hold; by_mac for the placeholder */
};

enum peer_kind {
	PEER_NAME,     /* exactly this name */
	PEER_WILDCARD, /* names below this one */
	PEER_ADDRESS,  /* given as an address: it does not run out */
	PEER_SITE_DNS, /* a resolver of this network */
};

struct rule_address { /* as a name had it in this run */
	struct addr addr;
	struct addr resolver; /* who said so; family 0 when unknown */
	uint32_t ttl_s;
	int64_t seen_us;   /* wall clock */
	uint32_t evidence; /* number of the observation */
	uint32_t valid_s;  /* how long a rule may rest on it */
};

struct rule_peer {
	enum peer_kind kind;
	char name[HOSTNAME_MAX + 1]; /* of a wildcard what stands behind "*."; empty for addresses */
	unsigned depth;              /* PEER_WILDCARD: labels that stand in for the '*' */
	struct rule_address *addrs;  /* sorted, each once; may be none */
	size_t n_addrs;
	unsigned families;    /* bits of enum family_bits that devices use towards it */
	bool gateway;         /* it is this network's gateway, so perhaps the firewall itself */
	const char *withheld; /* slug of the fault that makes its addresses doubtful, or NULL */
};

struct rule {
	char id[RULE_ID_LEN];   /* "udp5684_1c2d3e4f": of protocol, port and peer alone */
	char tag[RULE_TAG_LEN]; /* provenance: "sp:RUN:ID:DATE" */
	struct rule_peer peer;
	enum transport proto;
	uint16_t port;
	bool required;
	const char *why;    /* plain words, "" where the profile's are not plain */
	unsigned idle_s;    /* idle timer that its flow wants from a stateful box; 0: the default does */
	int64_t expires_us; /* when the first of its addresses runs out; 0: never */
	size_t group;
};

struct ruleset {
	const char *run_id;
	char made[40]; /* RFC 3339, start of the run */
	const char *profile, *title; /* title: "" where it is not plain */
	bool complete;     /* the run ended in order */
	unsigned families; /* that any rule uses */
	struct rule_group *groups;
	size_t n_groups;
	struct rule *rules; /* required first, then by protocol, port, peer */
	size_t n_rules;
	int64_t expires_us; /* the first of the rules'; 0: never */
};

/* Builds the rules of a judged run in the arena. 0, SP_E_MISSING (nothing is needed), or SP_E_USAGE
 * (a device that is this host), SP_E_SYNTAX, SP_E_RANGE (a value that may not enter a rule), with
 * *err filled; *out is then untouched. */
int ruleset_make(struct arena *a, const struct run *r, const struct ruleset **out,
		 struct sp_error *err);

struct dialect {
	const char *name, *title;
	int (*write)(const struct ruleset *s, FILE *out); /* 0 or -errno */
};
extern const struct dialect dialect_table[];
extern const size_t n_dialect_table;
const struct dialect *dialect_by_name(const char *name);

#endif
