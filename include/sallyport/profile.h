/*
 * A profile: what one cloud and its device kinds need from a network, as data.
 *
 * Promises: a loaded profile is complete, checked and constant. No host name, port, key or timer
 * of any cloud stands in C: they all come from here. All strings are printable ASCII.
 */
#ifndef SALLYPORT_PROFILE_H
#define SALLYPORT_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/arena.h"
#include "sallyport/err.h"

enum {
	PROFILE_MAX_BYTES = 65536, /* of a profile file */
	PROFILE_MAX_TARGETS = 32,
	PROFILE_MAX_KINDS = 24,
	PROFILE_MAX_LEDS = 24,
	PROFILE_MAX_LIST = 8,
	PROFILE_KEY_MAX = 512,
};

enum transport { TRANSPORT_UDP, TRANSPORT_TCP };

enum family_bits { FAMILY_4 = 1, FAMILY_6 = 2 };

struct text_list {
	const char *v[PROFILE_MAX_LIST];
	size_t n;
};

/* One flow that a device or a person needs. */
struct profile_target {
	const char *section; /* unique name inside the profile: "cloud-udp" */
	const char *check;   /* check id stem: udp5684, tcp5683, tcp443, ntp, portal */
	const char *probe;   /* dtls-device, tcp-greeting, tls, ntp, http */
	const char *title;   /* for people: "device cloud (CoAP over DTLS)" */
	const char *name;    /* host name pattern; {id} stands for a device id */
	const char *allow;   /* wording for allow-lists: exact name or wildcard */
	const char *operator;/* who runs it */
	const char *why;     /* one sentence */
	enum transport transport;
	uint16_t port;
	bool required;       /* devices cannot work without it */
	bool people;         /* people's tools use it, devices never do */
	unsigned families;   /* bits of enum family_bits that the devices use */
	/* proof of genuineness */
	uint8_t key[PROFILE_KEY_MAX]; /* SubjectPublicKeyInfo, DER */
	size_t key_len;               /* 0: no key known */
	unsigned cid_ext;             /* connection_id extension number sent, 0 for none */
	bool echo;                    /* the service answers record type 252 */
	unsigned greeting_bytes;      /* length of the greeting, tcp-greeting */
	const char *url;              /* http */
	unsigned expect_status;
	const char *expect_body;      /* text the body must hold, or NULL */
	/* how its devices keep the flow alive; 0 where unknown */
	double ack_timeout_s, ack_random_factor; /* of a ping that is repeated: RFC 7252 section 4.8 */
	unsigned max_retransmit;
	double ping_answer_s;    /* without an answer for so long the device begins a new connection */
	double ping_reconnect_s; /* and needs so long to begin it */
	double ping_bytes;       /* IP bytes of a ping with its answer */
	double ping_bytes_cid;   /* the same with a connection id (RFC 9146) */
	double ping_max_s;       /* longest interval that the far end is known to take */
	const char *ping_source;
	const char *source;           /* where the facts come from */
};

struct profile_kind {
	const char *id, *title; /* "argon", "Argon" */
	bool current;           /* counts when no kind is named */
	struct text_list needs; /* target sections */
	struct text_list radios;     /* "2.4", "5" */
	struct text_list interfaces; /* wifi, ethernet, cellular */
	/* Wi-Fi networks by what they ask: bits of enum wifi_trait (wifi.h). Nothing is known of a
	 * trait in none of the three. */
	uint32_t wifi_yes;   /* it joins them */
	uint32_t wifi_maybe; /* only with some firmware or set-up; wifi_note says which */
	uint32_t wifi_no;    /* it cannot */
	const char *wifi_note;
	struct text_list wifi_eap;     /* methods it speaks on enterprise networks */
	struct text_list wifi_eap_tls; /* TLS versions inside them */
	const char *wifi_source;
	double keepalive_s;          /* default of its firmware on this profile's interface */
	double keepalive_ethernet_s; /* default on Ethernet; 0: the same */
	double keepalive_wifi_s;     /* default on Wi-Fi; 0: the same */
	double keepalive_before_s;   /* default of older firmware than keepalive_since; 0: the same */
	bool keepalive_fixed;        /* cannot be changed by the owner */
	const char *keepalive_call;  /* how to set it; {s} stands for whole seconds; NULL when fixed */
	const char *keepalive_since; /* firmware from which the default holds, or NULL */
	const char *source;
};

/* What the status LED of the devices shows, and which findings of a report explain it. */
struct profile_led {
	const char *id, *title; /* "breathing-cyan", "breathing cyan" */
	const char *meaning;
	struct text_list explains; /* fault slugs, fault families, or states of a kind (yes, fragile) */
	const char *source;
};

/* A peer that is asked only to tell one cause from another. */
struct profile_control {
	const char *name; /* host name */
	uint16_t port;
	const char *operator;
};

struct profile {
	const char *name, *title, *cloud, *summary;
	const char *source, *date;
	struct text_list probe_ids; /* valid device ids that stand for {id} in probes */
	struct profile_target targets[PROFILE_MAX_TARGETS];
	size_t n_targets;
	struct profile_kind kinds[PROFILE_MAX_KINDS];
	size_t n_kinds;
	struct profile_led leds[PROFILE_MAX_LEDS];
	size_t n_leds;
	/* controls */
	struct text_list control_names;     /* names asked of the same resolvers */
	struct text_list control_resolvers; /* addresses, asked only when an answer looks wrong */
	struct profile_control same_port[PROFILE_MAX_LIST]; /* other operators, --controls only */
	size_t n_same_port;
	struct text_list never; /* addresses that must never answer, --controls only */
	/* device timers and plan */
	double keepalive_bytes;      /* IP bytes of one ping with its answer, where no target says */
	double plan_bytes_per_month; /* 0: no limit */
	double plan_devices;         /* devices that share it */
	const char *path;            /* file it was read from; not part of the run */
};

/* Finds NAME (or reads the file when it holds a '/') and loads it into the arena. 0, SP_E_MISSING
 * or SP_E_SYNTAX with *err filled (file, line, column). */
int profile_load(struct arena *a, const char *name_or_path, const struct profile **out,
		 struct sp_error *err);
/* The same from memory; `label` names it in errors. */
int profile_parse(struct arena *a, const char *label, const char *text, size_t n,
		  const struct profile **out, struct sp_error *err);
/* Writes the profile as INI that profile_parse() reads back to the same profile; for run_start.
 * Lives in the arena. */
const char *profile_format(struct arena *a, const struct profile *p);
/* A copy with the server key of every target that has one replaced (--identity-key). */
const struct profile *profile_with_key(struct arena *a, const struct profile *p, const uint8_t *der,
				       size_t n);
/* Names of the profiles that can be found, sorted; for `list`. */
size_t profile_list(struct arena *a, const char ***out);

int profile_target_by_section(const struct profile *p, const char *section); /* index or -1 */
int profile_kind_by_id(const struct profile *p, const char *id);             /* index or -1 */
/* Host name of a target with {id} filled in from probe_ids[which]. */
const char *profile_target_name(struct arena *a, const struct profile *p,
				const struct profile_target *t, size_t which);

#endif
