/*
 * The judge's view of a run: observations in time order, what became of each check's packets, what
 * the names resolved to, and builders for verdicts.
 *
 * Promises: nothing here depends on the order in which observations stand in the run, only on
 * their times and numbers; texts live in the run's arena. It lives for one judge_run().
 */
#ifndef SALLYPORT_JUDGE_VIEW_H
#define SALLYPORT_JUDGE_VIEW_H

#include "sallyport/judge.h"
#include "sallyport/netinfo.h"
#include "sallyport/plan.h"
#include "sallyport/profile.h"
#include "sallyport/settings.h"

enum {
	DRAFT_MAX_LOG = 8,
	FLOW_MAX_TRIES = 64,
	FLOW_MAX_ADDRESSES = 16, /* a check tries at most a handful */
	/* Proof rule 1: silence says something after five tries that span eight seconds. */
	SILENCE_TRIES = 5,
	SILENCE_US = 8000000,
	/* Fewer tries than this are not even mentioned. */
	HINT_TRIES = 3,
};

/* What became of the packets of one check, by try; a try counts under its best result. */
struct flow {
	const struct check *check;
	unsigned sent;     /* tries that left this host, or tried to */
	unsigned answered; /* authentic answers */
	unsigned accepted; /* TCP connections that opened */
	unsigned provisional; /* answers that prove nothing by themselves */
	unsigned silent, refused, rejected, unreachable, denied, reset, garbled, mismatch;
	unsigned mute;     /* connected, then silence */
	unsigned not_run, aborted;
	uint64_t first_us, last_us; /* first and last packet sent */
	uint64_t until_us;          /* when the last observation was made */
	double rtt_ms;              /* lowest of the authentic answers; negative when none */
	const char *icmp_from;      /* sender of the weightiest ICMP error, the first of its kind */
	int icmp_weight;            /* 3 rejection, 2 of the target itself, 1 any other, 0 none */
	bool icmp;                  /* an ICMP error came */
	bool icmp_self;             /* ... from this host */
	bool alert;                 /* a DTLS or TLS alert came */
	bool nowhere;               /* DNS gave no address that a packet could leave for */
	const char *reason;         /* of the last NOT_RUN */
	const char *addresses[FLOW_MAX_ADDRESSES]; /* the first it went to */
	unsigned n_addresses;
	const char *dead;           /* an address that only stayed silent, while another answered */
};

enum dns_class { /* best first */
	DNS_PUBLIC,
	DNS_PRIVATE,
	DNS_SINKHOLE,
	DNS_EMPTY,
	DNS_NXDOMAIN,
	DNS_REFUSED,
	DNS_SERVFAIL,
	DNS_GARBLED,
	DNS_SILENT,
	DNS_NONE, /* not asked, or not run */
};
extern const char *const dns_class_words[]; /* "answers NXDOMAIN" ... */

/* A verdict under construction. */
struct draft {
	struct verdict v;
	uint32_t *nums;
	size_t n_nums, cap_nums;
	const char *log[DRAFT_MAX_LOG];
	size_t n_log;
	const char **hides;
	size_t n_hides;
	size_t row; /* place in the fault table */
};

struct judge_view {
	struct run *run;
	const struct observation **obs; /* by time, then number */
	size_t n_obs;
	struct flow *flows;  /* one per check of the run */
	uint64_t all_targets; /* bits of every target of the profile */
	/* what passes at all, from outside the site */
	bool udp_out, tcp_out; /* an authentic answer came over UDP (other than DNS), TCP */
	bool any_reply;        /* anything at all came back from beyond the gateway, DNS apart */
	bool nothing_out;      /* UDP and TCP were tried well enough, and nothing came back */
	struct draft **drafts;
	size_t n_drafts;
};

void view_open(struct judge_view *v, struct run *r);
void view_close(struct judge_view *v); /* frees everything but the texts */

/* ---- observations ---- */
enum role { ROLE_ANY, ROLE_OWN, ROLE_CONTROL, ROLE_NEVER };
enum role obs_role(const struct observation *o);
#define OUTCOME_BIT(x) (1U << (x))
struct pick { /* NULL and 0 match anything */
	const char *check, *target;
	enum role role;
	uint32_t outcomes;
	enum attr key; /* only where text is given */
	const char *text;
};
/* The next match at or after *at, which moves on; NULL at the end. Start with *at = 0. */
const struct observation *view_next(const struct judge_view *v, const struct pick *p, size_t *at);
size_t view_count(const struct judge_view *v, const struct pick *p);
/* When the packet of an observation left, microseconds since the start of the run. */
uint64_t obs_sent_us(const struct observation *o);

/* ---- flows ---- */
void flow_read(const struct judge_view *v, const struct check *c, struct flow *out);
bool obs_authentic(const struct check *c, const struct observation *o);
/* The flow that shows whether a target can be reached (for DTLS: the hello); NULL: not planned. */
const struct flow *view_flow(const struct judge_view *v, size_t target);
const struct flow *view_flow_id(const struct judge_view *v, const char *stem, const char *suffix,
				const char *target);
bool flow_went_to(const struct flow *f, const char *address);
bool flow_replied(const struct flow *f);  /* something came back, right or wrong */
bool flow_silent(const struct flow *f);   /* silence that counts: 5 tries, watched for 8 s */
bool flow_hinted(const struct flow *f);   /* silence worth mentioning */
bool flow_spread(const struct flow *f);   /* the sends themselves span 8 s */
bool flow_icmp(const struct flow *f);     /* only ICMP errors came back */

/* ---- targets ---- */
#define TARGET_BIT(i) (UINT64_C(1) << (i))
const struct profile_target *view_target(const struct judge_view *v, size_t i);
const char *view_target_name(const struct judge_view *v, size_t i); /* host name or URL */
bool target_is(const struct profile_target *t, const char *probe);
const char *proto_name(const struct profile_target *t); /* "udp" */
const char *view_subject(struct judge_view *v, const struct profile_target *t); /* "UDP 5684" */
/* The flow that shows who answers: the identity where the profile has a key. */
const struct flow *view_proof(const struct judge_view *v, size_t target);
bool view_target_genuine(const struct judge_view *v, size_t i);
/* Every check that a device needs for this target passed. */
bool view_target_works(const struct judge_view *v, size_t i);
uint64_t view_mask_of_name(const struct judge_view *v, const char *name);
bool view_mask_required(const struct judge_view *v, uint64_t mask); /* by a kind that counts */
bool view_mask_needed(const struct judge_view *v, uint64_t mask);   /* by any kind */
#define KIND_BIT(i) (UINT64_C(1) << (i))
/* The verdict touches a kind that counts, by what it needs or by itself. */
bool view_counts(const struct judge_view *v, const struct verdict *d);
enum effect view_effect(const struct judge_view *v, uint64_t mask); /* BLOCKS where needed */

/* ---- names (names.c) ---- */
enum dns_class dns_classify(const struct observation *o);
bool dns_is_host_resolver(const struct judge_view *v, const char *resolver);
const char *dns_resolver_of(const struct observation *o);
const char *dns_name_of(const struct observation *o);
bool dns_over_tcp(const struct observation *o);
bool dns_family_needed(const struct judge_view *v, const char *name, const struct observation *o);
/* Best class for a name; resolver NULL: any host resolver. UDP only, as devices ask. */
enum dns_class dns_class_of(const struct judge_view *v, const char *name, const char *resolver);
/* A sibling name (or another target's) got a public address from this resolver. */
bool dns_sibling_ok(const struct judge_view *v, const char *name, const char *resolver);
/* Another resolver than the host's gave a public address; NULL when none did. */
const struct observation *dns_control_ok(const struct judge_view *v, const char *name);

/* ---- verdicts (say.c) ---- */
struct draft *view_verdict(struct judge_view *v, const struct fault *f, enum confidence c,
			   uint64_t targets);
const char *view_say(struct judge_view *v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void draft_cite(struct draft *d, const struct observation *o);
void draft_cite_pick(struct judge_view *v, struct draft *d, const struct pick *p);
/* Cites every own observation of the flow's check and logs its failed packets. */
void draft_cite_flow(struct judge_view *v, struct draft *d, const struct flow *f);
void draft_cite_targets(struct judge_view *v, struct draft *d, uint64_t mask);
/* "0 of 6 tries answered" and so on. */
const char *flow_counts(struct judge_view *v, const struct flow *f);
/* Fills impact from targets and effect. */
void draft_impact(struct judge_view *v, struct draft *d);
const char *view_kinds_text(struct judge_view *v, uint64_t mask); /* "Argon, P2", or NULL */
const char *view_allow(struct judge_view *v, const struct profile_target *t);
const char *view_confirm(struct judge_view *v, const char *check_id);
const char *view_stem_targets(struct judge_view *v, uint64_t mask); /* host names, at most three */
void view_finish(struct judge_view *v); /* effect, hiding, order; drafts -> run */

/* ---- path (hops.c) ---- */
enum hop_result { HOP_NONE, HOP_CLEAR, HOP_LIKELY, HOP_PROVEN };
struct hop_finding {
	enum hop_result result;
	const char *where;  /* "between hop 2 (192.0.2.9) and hop 3" */
	const char *last;   /* last router that answers the suspect, or NULL */
	unsigned last_ttl;
	const char *counts; /* "rounds 1 to 3: control answered at hops 2 to 4, suspect to hop 2" */
};
/* The hop differential of one series such as udp:5684. */
void hop_differential(struct judge_view *v, const struct profile_target *t, struct hop_finding *out);
/* An answer to a packet whose TTL ended before the target (proof rule 8b). */
struct hop_answer {
	bool found;
	unsigned ttl;
	const char *reply; /* rst, syn-ack, data; icmp when it bears the target's name */
};
void hop_early_answer(struct judge_view *v, const struct profile_target *t, struct hop_answer *out);
/* Lowest TTLs at which an answer in the target's name came, from its port and from the control's;
 * 0: none. Where the port's is lower, something before the target may have given it. */
struct hop_reach {
	unsigned own, control;
};
void hop_reach(const struct judge_view *v, const struct profile_target *t, struct hop_reach *out);
/* Who can have given an answer so early. */
const char *hop_box_text(struct judge_view *v, unsigned ttl);
void hop_cite(struct judge_view *v, struct draft *d, const struct profile_target *t);

/* ---- the parts of judge_run ---- */
void judge_checks(struct judge_view *v);  /* states, before the verdicts */
void judge_because(struct judge_view *v); /* which fault explains a failed check */
void judge_kinds(struct judge_view *v);   /* kinds and exit */
void judge_keepalive(struct judge_view *v); /* keepalive_advice.c */
void judge_needs(struct judge_view *v);     /* needs.c */
void judge_contacts(struct judge_view *v); /* contacted and not_tested */

#endif
