/*
 * The probe contract: a probe is a row in probe_table and one file; its shell does I/O, its state
 * machine in probes/core decides. All it may say are observations.
 *
 * Promises to a probe: start is called at most once, cancel exactly once after a start that
 * returned 0 (also after probe_finish); nothing of the probe is called after cancel. Promises of a
 * probe: start does not block; after cancel it holds no socket, timer or lookup.
 */
#ifndef SALLYPORT_PROBE_H
#define SALLYPORT_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/loop.h"
#include "sallyport/model.h"
#include "sallyport/names.h"
#include "sallyport/netinfo.h"
#include "sallyport/profile.h"
#include "sallyport/settings.h"
#include "sallyport/sock.h"

struct forecast;
struct probe; /* one running instance; owned by the runner */

struct probe_def {
	const char *name;    /* as in check.probe: link, gateway, dns.resolver, dns.name, ntp,
				dtls-echo, dtls-device, tcp-greeting, tls, http, path */
	const char *title, *summary;
	const char *checks;  /* check ids it measures, for `list`; STEM stands for udp5684 and so on */
	const char *privilege; /* "none", or what it could use more of */
	uint32_t packets, bytes; /* at most, to its own target, IP bytes */
	/* Says whom an instance may contact (forecast.h); NULL: its own target alone. */
	void (*contacts)(struct forecast *f, const struct check *c);
	size_t state_size;       /* zeroed state the runner allocates */
	int (*start)(struct probe *p, void *state); /* 0, or negative: could not begin */
	void (*cancel)(struct probe *p, void *state);
};
extern const struct probe_def *const probe_table[];
extern const size_t n_probe_table;
const struct probe_def *probe_by_name(const char *name);

/* What a shell gets. */
struct loop *probe_loop(struct probe *p);
uint64_t probe_now(struct probe *p); /* monotonic ns, the loop's clock */
struct run *probe_run(struct probe *p); /* for obs_addr() and friends; profile, settings, host */
const struct check *probe_check(struct probe *p);
const struct profile_target *probe_target(struct probe *p); /* NULL when it has none */
void *probe_state(struct probe *p);
struct sock_opts probe_sock_opts(struct probe *p); /* fixed to the uplink */
/* The loop time (as loop_now_ns()) at which the run's time budget ends. */
uint64_t probe_deadline_ns(struct probe *p);
/* Appends an observation made with obs_begin(); t is set to now. */
void probe_observe(struct probe *p, const struct observation *o);
/* Resolves through the runner (shared, cached per run and family); one callback, never inside. */
void probe_resolve(struct probe *p, const char *name, uint8_t family, names_fn *fn, void *ctx);
/* A probe of the resolvers got this answer from the first of them: whoever still waits for the name
 * has it now. Those probes ask more often than the runner does. */
void probe_heard_name(struct probe *p, const char *name, uint8_t family, const struct addr *addrs,
		      size_t n);
/* Accounts packets and IP bytes against the run's budget (section 9 of the design); false when it
 * is used up: then send nothing and observe NOT_RUN with reason "packet budget". */
bool probe_spend(struct probe *p, uint32_t packets, uint32_t bytes);
/* The earliest time the next packet to this destination may leave (spacing; reserves the slot). */
uint64_t probe_slot(struct probe *p, const struct addr *dst);
/* Tells the path probe that a flow stays silent (after the second unanswered try) or that
 * something answers that is not the target; `payload` (may be empty) is what the steps carry. */
enum suspicion { SUSPECT_SILENT, SUSPECT_IMPOSTOR };
void probe_suspect(struct probe *p, enum suspicion why, enum transport proto,
		   const struct endpoint *dst, struct bytes payload);
/* Registers a listener (path, dns.name), also for suspicions raised before; calls come from the
 * loop, never from inside probe_suspect() or this call. */
typedef void suspect_fn(void *ctx, const char *check, enum suspicion why, enum transport proto,
			const struct endpoint *dst, struct bytes payload);
void probe_listen_suspects(struct probe *p, suspect_fn *fn, void *ctx);
/* True while probes other than listeners are still under way: a suspicion may still come. */
bool probe_others_running(struct probe *p);
/* For listeners: one call, from the loop, once that is false and all suspicions were told. */
typedef void quiet_fn(void *ctx);
void probe_when_quiet(struct probe *p, quiet_fn *fn, void *ctx);
/* Done; cancel follows from the loop, not from inside. */
void probe_finish(struct probe *p);

#endif
