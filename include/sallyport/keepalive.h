/*
 * Keep-alive arithmetic: how often a device behind a NAT must ping, what that costs, and for how
 * long the cloud still cannot reach it.
 *
 * Promises: pure numbers, no memory, no clock. Where a bound of the lifetime is uncertain the lower
 * one goes in, so what comes out errs towards pinging too often. A longer lifetime never gives a
 * shorter interval, more loss never a longer one.
 *
 * The device: silent for the interval since the last message it received, then a ping; that is sent
 * again while no answer comes (RFC 7252 section 4.2); without an answer for answer_s the device
 * closes its socket and begins again with a new one. The NAT: every packet from inside restarts the
 * timer; a flow that is used again more than 2 s after its first answer has the established timer
 * from then on, before that the timer of a flow that was answered once.
 */
#ifndef SALLYPORT_KEEPALIVE_H
#define SALLYPORT_KEEPALIVE_H

#include <stdbool.h>

enum {
	KEEPALIVE_FLOOR_S = 15,    /* RFC 8085 section 3.5: no more often than this */
	KEEPALIVE_CEILING_S = 1200, /* where nothing is known of the far end: the longest that a large
				     * cloud's MQTT takes (AWS IoT Core, device gateway quotas) */
	KEEPALIVE_DAY_S = 86400,
	KEEPALIVE_MONTH_S = 30 * KEEPALIVE_DAY_S,
	KEEPALIVE_MAX_RETRANSMIT = 4, /* RFC 7252 section 4.8: MAX_RETRANSMIT */
};

/* How a device pings; from the profile. */
struct keepalive_ping {
	double ack_timeout_s, ack_random_factor; /* RFC 7252 section 4.8 */
	unsigned max_retransmit; /* 0: every ping is sent once */
	double answer_s;         /* 0: it pings on, whatever comes back */
	double reconnect_s;      /* from closing the socket to the first packet of the next */
	bool randomised;         /* 80 to 100 % of the setting (RFC 5626 section 4.4.1), else all of it */
	bool rebinds;            /* the far end knows the device again from another port (RFC 9146) */
	double bytes;            /* IP bytes of a ping with its answer */
	double max_s;            /* longest interval that the far end takes; 0: unknown */
};

/* The way to the cloud. */
struct keepalive_path {
	double replied_s;     /* lifetime of a flow that was answered once */
	double established_s; /* of one that has been in use for more than 2 s */
	double loss;          /* of each way, 0 to 1 */
	double jitter_s;      /* one way, 99th percentile */
	double drift;         /* of the device's clock against the tester's */
	double outage_s;      /* longest loss of everything that was seen */
};

/* What is left of a lifetime when margin, jitter and drift are taken off. */
double keepalive_window_s(const struct keepalive_path *n, double lifetime_s);
/* Transmissions that a setting puts into the window of a flow in use after the last one that got
 * through, with the slowest retransmission; one less is the number of losses in a row that the
 * mapping survives. None where not even the first ping finds the mapping of a young flow. */
unsigned keepalive_transmissions(const struct keepalive_ping *p, const struct keepalive_path *n,
				 double interval_s);
/* At most so many times a month the mapping is lost, by that number of transmissions; a new socket
 * after answer_s counts as one more, since it has a mapping of its own at once. */
double keepalive_gaps(const struct keepalive_ping *p, const struct keepalive_path *n,
		      double interval_s);
/* The longest setting in whole seconds, at least `floor_s`, that keeps the gaps a month under
 * `gaps` and has at least `reserve` transmissions in the window; 0 when there is none. */
double keepalive_choose(const struct keepalive_ping *p, const struct keepalive_path *n, double gaps,
			unsigned reserve, double floor_s);
double keepalive_bytes_per_month(const struct keepalive_ping *p, double interval_s);
/* What is to be expected if the lifetimes are exactly those of the path. */
struct keepalive_expected {
	double unreachable;    /* share of the time in which the cloud cannot reach the device, 0 to 1 */
	double gaps_per_month; /* times that this happens */
};
void keepalive_expect(const struct keepalive_ping *p, const struct keepalive_path *n,
		      double interval_s, struct keepalive_expected *out);

enum keepalive_aim { KEEPALIVE_ALWAYS, KEEPALIVE_BALANCED, KEEPALIVE_SAVER, KEEPALIVE_AIM_COUNT };
extern const char *const keepalive_aim_names[KEEPALIVE_AIM_COUNT]; /* always, balanced, data-saver */
/* Gaps a month that an aim puts up with; the data saver asks nothing. */
double keepalive_gaps_allowed(enum keepalive_aim aim);

struct keepalive_setting {
	double interval_s;
	bool met;               /* false: not even the floor keeps the mapping as well as the aim asks */
	double unreachable_s;   /* seconds a day */
	double gaps_per_month;  /* times that it cannot be reached, as expected */
	double bytes_per_month;
	unsigned losses;        /* in a row that the mapping of a flow in use survives */
};
/* A setting, whatever it is. */
void keepalive_assess(const struct keepalive_ping *p, const struct keepalive_path *n,
		      double interval_s, struct keepalive_setting *out);
/* The setting for an aim. */
void keepalive_set(const struct keepalive_ping *p, const struct keepalive_path *n,
		   enum keepalive_aim aim, struct keepalive_setting *out);

#endif
