/*
 * Observations of checks nat.* for the tests of the judge, as a probe writes them (nat.h).
 */
#ifndef TESTS_NAT_CASE_H
#define TESTS_NAT_CASE_H

#include "judge_case.h"
#include "sallyport/nat.h"

/* A series with its death, seen on two mappings; upper_s 0: it was cut short before. */
struct nat_series {
	const char *state; /* NULL: TCP */
	double lower_s, upper_s, spread_s;
	int trials;
	bool unconfirmed;
	const char *method;
	int port; /* 0: the devices' */
	enum outcome outcome;
};

static inline struct observation *nat_begin(struct judge_case *c, const char *check)
{
	obs_begin(&c->next, check, "reflector.example:5684", 1, OUTCOME_ANSWERED);
	c->next.t_us = 20000000 + c->run->n_obs;
	return &c->next;
}

static inline void nat_series(struct judge_case *c, const struct nat_series *s)
{
	struct observation *o = nat_begin(c, s->state ? "nat.udp" : "nat.tcp");
	o->outcome = s->outcome;
	obs_text(o, A_PROTO, s->state ? "udp" : "tcp");
	obs_int(o, A_PORT, s->port ? s->port : s->state ? 5684 : 5683);
	if (s->state)
		obs_text(o, A_STATE, s->state);
	if (s->lower_s != 0)
		obs_real(o, A_LOWER_S, s->lower_s);
	if (s->upper_s != 0) {
		obs_real(o, A_UPPER_S, s->upper_s);
		obs_bool(o, A_CONFIRMED, !s->unconfirmed);
	}
	if (s->spread_s != 0)
		obs_real(o, A_SPREAD_S, s->spread_s);
	if (s->trials)
		obs_int(o, A_TRIALS, s->trials);
	obs_text(o, A_METHOD, s->method ? s->method : "poke");
	case_end(c);
}
#define NAT_SERIES(c, ...) nat_series(c, &(struct nat_series){__VA_ARGS__})

/* Lifetimes of a flow answered once and of one in use, each known to a second. */
static inline void nat_lives(struct judge_case *c, double replied_s, double established_s)
{
	static const char *const states[] = {"new", "replied", "burst"};
	for (size_t i = 0; i < 3; i++)
		NAT_SERIES(c, .state = states[i], .lower_s = replied_s - 0.5, .upper_s = replied_s + 0.5,
			   .trials = 10);
	NAT_SERIES(c, .state = "established", .lower_s = established_s - 0.5,
		   .upper_s = established_s + 0.5, .trials = 10);
}

#endif
