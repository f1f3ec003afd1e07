/*
 * The reading of the NAT that the rows (nat.c) and the keep-alive advice share.
 *
 * Promises: both speak of the same lifetimes and of the same defaults, so that the advice never
 * contradicts a verdict. All but nat_read() need the run's nat facts.
 */
#ifndef SALLYPORT_JUDGE_NAT_READ_H
#define SALLYPORT_JUDGE_NAT_READ_H

#include "sallyport/keepalive.h"
#include "sallyport/nat.h"
#include "view.h"

void nat_read(const struct judge_view *v, struct nat_facts *out);
/* Cites the series of one transport, of one state (NULL: of all). */
void nat_cite(struct judge_view *v, struct draft *d, const char *proto, const char *state);

/* ---- what a device meets (nat_devices.c) ---- */
/* Right after a device has connected, or after its flow was forgotten: the shorter of replied and
 * burst. */
struct nat_lifetime nat_young(const struct nat_facts *n);
/* A state that was not measured is taken for the other one. False: neither was. */
bool nat_path(const struct nat_facts *n, enum transport transport, struct keepalive_path *out);
void nat_ping(const struct judge_view *v, const struct profile_target *t, struct keepalive_ping *out);
double nat_ping_bytes(const struct judge_view *v, int kind_index);
/* The default of a kind on this host's medium, else on its own interface. */
double nat_default_s(const struct judge_view *v, int kind_index);
/* "29.6 to 30.4 s", "at least 119 s", "less than 5 s" */
const char *nat_bracket(struct judge_view *v, const struct nat_lifetime *l);

/* Does a default interval fit the lifetimes? */
enum nat_fit {
	NAT_FIT_UNKNOWN, /* too little is known */
	NAT_FIT_YES,     /* every ping comes in time, with the margin to spare */
	NAT_FIT_EDGE,    /* within the margin of the longest that the lifetime can be */
	NAT_FIT_YOUNG,   /* a flow in use would live, a new one dies before its first ping */
	NAT_FIT_NO,      /* every ping finds the flow gone */
	NAT_FIT_COUNT
};
extern const char *const nat_fit_names[NAT_FIT_COUNT]; /* unknown, fits, edge, short-when-new, short */

/* A kind of device, on one of its ways through this network, as its firmware ships. */
struct nat_device {
	int kind_index, target_index;
	const char *interface; /* ethernet, wifi, cellular */
	bool older;            /* firmware from before keepalive_since */
	bool here;             /* current firmware, on the interface that a verdict speaks of */
	double default_s;
	enum nat_fit fit;
};
enum { NAT_MAX_DEVICES = PROFILE_MAX_KINDS * 2 * PROFILE_MAX_LIST };
size_t nat_devices(const struct judge_view *v, struct nat_device *out);

enum { NAT_TIMER_S = 300 }; /* RFC 4787 REQ-5: the idle timer that it recommends */

/* What there is to change, worked out for the kind whose default is the longest of those that count
 * and can be set. */
struct nat_levers {
	bool known;             /* false: no such kind, or no lifetime */
	struct nat_device kind;
	struct keepalive_ping ping;
	struct keepalive_path path;
	struct keepalive_setting device; /* the interval for this NAT as it is; met or not */
	bool in_time;           /* with that interval pings come in time, if none is lost */
	double timer_s;                  /* the timer to ask for; 0: it is long enough */
	struct keepalive_setting firewall; /* the interval once that is set */
};
void nat_levers(const struct judge_view *v, struct nat_levers *out);
/* "Particle.keepAlive(22s);", or NULL where the kind has no call. */
const char *nat_call(struct judge_view *v, int kind_index, double interval_s);

#endif
