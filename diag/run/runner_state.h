/*
 * What the parts of the runner share: the running instances, the budget, suspicions and lookups.
 * Promises to stay private to runner*.c; probes see probe.h only.
 */
#ifndef DIAG_RUN_RUNNER_STATE_H
#define DIAG_RUN_RUNNER_STATE_H

#include <sys/queue.h>

#include "sallyport/probe.h"
#include "sallyport/runner.h"

enum {
	RUNNER_SPACING_MS = 20,      /* between two packets to one address */
	RUNNER_MAX_DESTINATIONS = 64,
	RUNNER_MAX_SUSPICIONS = 32,  /* more than all flows of a profile together */
	RUNNER_MAX_LOOKUPS = 64,
	RUNNER_SIGNALS = 3,
};

struct runner;

/* One callback owed to one probe. */
struct waiter {
	STAILQ_ENTRY(waiter) link;
	struct probe *probe;
	names_fn *fn;
	void *ctx;
};
STAILQ_HEAD(waiters, waiter);

/* One name in one family: asked once per run. */
struct lookup {
	struct runner *runner;
	const char *name;
	uint8_t family;
	bool done;
	struct names_result result;
	struct names_lookup *handle;
	struct waiters waiters;
};

struct suspected {
	const char *check;
	enum suspicion why;
	enum transport proto;
	struct endpoint dst;
	struct bytes payload;
};

struct destination {
	struct addr addr;
	uint64_t free_ns; /* the next packet may leave from then on */
};

struct probe {
	struct runner *runner;
	const struct probe_def *def;
	struct check *checks; /* the rows of the plan it measures: they stand together */
	size_t n_checks;
	void *state;
	bool running, finished;
	/* listeners */
	suspect_fn *suspect;
	void *suspect_ctx;
	size_t heard; /* suspicions told so far */
	quiet_fn *quiet;
	void *quiet_ctx;
};

struct runner {
	struct run *run;
	struct runner_hooks hooks;
	struct loop *loop;
	struct loop_timer *deadline, *chores;
	struct loop_signal *signals[RUNNER_SIGNALS];
	uint64_t start_ns, deadline_ns;
	struct probe *probes;
	size_t n_probes;
	bool ending;
	uint32_t packets, bytes;
	struct destination destinations[RUNNER_MAX_DESTINATIONS];
	struct suspected suspicions[RUNNER_MAX_SUSPICIONS];
	size_t n_suspicions;
	struct names *names;
	int names_error;
	struct lookup lookups[RUNNER_MAX_LOOKUPS];
	size_t n_lookups;
};

/* runner.c */
void runner_wake(struct runner *r); /* run the chores from the loop, soon */
void runner_append(struct runner *r, struct observation *o);
bool runner_busy(const struct runner *r); /* a probe that is no listener is under way */

/* runner_names.c */
void runner_names_open(struct runner *r);
void runner_names_tell(struct runner *r); /* at the end: what the lookups sent */
void runner_names_close(struct runner *r);
void runner_names_deliver(struct runner *r); /* callbacks owed for names already known */
void runner_names_forget(struct runner *r, const struct probe *p);

/* runner_probe.c */
bool probe_is_listener(const struct probe *p);
void runner_tell(struct runner *r); /* suspicions, then quiet, to the listeners */

#endif
