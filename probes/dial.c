/* TCP connects for the probes of TCP 5683, 443 and 80. */
#include "dial.h"

#include <errno.h>
#include <string.h>

#include "sallyport/clock.h"

enum { ADDRESS_TRIES = 3 /* then the next address of the name gets its turn */ };

static void tick(void *ctx);

static struct dial_try *try_at(struct dial *d, unsigned attempt)
{
	return &d->tries[attempt - 1];
}

static void describe(struct dial *d, unsigned attempt, struct observation *o, const char *phase,
		     enum outcome outcome)
{
	struct run *run = probe_run(d->probe);
	const struct check *c = probe_check(d->probe);
	const struct profile_target *t = probe_target(d->probe);
	obs_begin(o, c->id, c->target, attempt ? d->before + attempt : 0, outcome);
	if (attempt)
		obs_flow(run, o, "tcp", &try_at(d, attempt)->local, &try_at(d, attempt)->peer);
	obs_text(o, A_NAME, d->name);
	obs_text(o, A_ROLE, d->role ? d->role : "target");
	if (t && t->operator && !d->role)
		obs_text(o, A_OPERATOR, t->operator);
	obs_text(o, A_PHASE, phase);
	if (d->sni)
		obs_text(o, A_SNI, d->sni);
}

static void observe_try(struct dial *d, unsigned attempt, enum outcome outcome,
			struct observation *o, uint32_t packets, uint64_t at_ns)
{
	double age_ms = (double)retry_age(&d->retry, attempt, at_ns) / 1e6;
	o->outcome = outcome;
	obs_int(o, A_PACKETS, packets);
	obs_int(o, A_BYTES, (int64_t)packets * SYN_BYTES);
	obs_real(o, A_WAITED_MS, age_ms);
	if (outcome == OUTCOME_ANSWERED || outcome == OUTCOME_REFUSED)
		obs_real(o, A_RTT_MS, age_ms);
	probe_observe(d->probe, o);
}

static void not_run(struct dial *d, const char *reason)
{
	struct observation o;
	describe(d, 0, &o, "connect", OUTCOME_NOT_RUN);
	obs_text(&o, A_REASON, reason);
	probe_observe(d->probe, &o);
	retry_stop(&d->retry);
}

static uint32_t syns(const struct dial *d, unsigned attempt)
{
	return attempt == 1 && d->limit > 1 ? DIAL_FIRST_SYNS : DIAL_LATER_SYNS;
}

static unsigned sent(struct dial *d, unsigned attempt)
{
	const struct sock *s = try_at(d, attempt)->sock;
	return s ? sock_syns(s) : 1;
}

static bool resolved(const struct dial *d, unsigned attempt)
{
	return d->retry.resolved >> (attempt - 1) & 1;
}

static void close_try(struct dial *d, unsigned attempt)
{
	sock_close(try_at(d, attempt)->sock);
	try_at(d, attempt)->sock = NULL;
}

/* The second failure of one kind is a suspicion: the path probe then steps SYNs towards the target.
 * An RST may be made by a box on the way, which only its TTL can show (proof rule 8b). */
static void suspect(struct dial *d, enum suspicion why)
{
	if (d->role || retry_unanswered(&d->retry) < 2 || d->suspected)
		return;
	d->suspected = true;
	probe_suspect(d->probe, why, TRANSPORT_TCP, &try_at(d, 1)->peer, (struct bytes){NULL, 0});
}

/* This try is the one; what becomes of the others is no longer of interest. */
static void opened(struct dial *d, unsigned attempt, const struct sock_event *ev)
{
	struct observation o;
	describe(d, attempt, &o, "connect", OUTCOME_ANSWERED);
	if (resolved(d, attempt))
		obs_bool(&o, A_LATE, true);
	observe_try(d, attempt, OUTCOME_ANSWERED, &o, sent(d, attempt) + (d->bare ? DIAL_BARE_PACKETS : 0),
		    ev->at_ns);
	for (unsigned i = 1; i <= d->retry.sent; i++) {
		if (i == attempt || !try_at(d, i)->sock)
			continue;
		unsigned before = sent(d, i);
		close_try(d, i);
		if (resolved(d, i))
			continue;
		describe(d, i, &o, "connect", OUTCOME_ABORTED);
		obs_text(&o, A_REASON, "another try connected");
		observe_try(d, i, OUTCOME_ABORTED, &o, before, ev->at_ns);
	}
	retry_stop(&d->retry);
	d->open = attempt;
	d->opened_ns = ev->at_ns;
	d->fn(d->ctx, DIAL_OPEN, ev);
}

static void failed_try(struct dial *d, unsigned attempt, enum outcome outcome,
		       struct observation *o, uint64_t at_ns)
{
	bool known = resolved(d, attempt);
	observe_try(d, attempt, outcome, o, sent(d, attempt), at_ns);
	close_try(d, attempt);
	if (!known)
		retry_refused(&d->retry, attempt);
	if (d->retry.limit > d->limit)
		d->retry.limit = d->limit;
	loop_timer_set(d->timer, probe_now(d->probe)); /* tick() must not run inside a callback */
}

static void on_icmp(struct dial *d, unsigned attempt, const struct sock_event *ev)
{
	struct dial_try *t = try_at(d, attempt);
	struct observation o;
	enum outcome outcome = probe_icmp_outcome(t->peer.addr.family, ev,
						  addr_equal(&ev->icmp_from, &t->peer.addr));
	describe(d, attempt, &o, "connect", outcome);
	obs_int(&o, A_ICMP_TYPE, ev->icmp_type);
	obs_int(&o, A_ICMP_CODE, ev->icmp_code);
	obs_addr(probe_run(d->probe), &o, A_ICMP_FROM, &ev->icmp_from);
	obs_bool(&o, A_FROM_SELF, addr_equal(&ev->icmp_from, &t->local.addr));
	failed_try(d, attempt, outcome, &o, ev->at_ns);
}

static void on_sock(void *ctx, const struct sock_event *ev)
{
	struct dial_try *t = ctx;
	struct dial *d = t->dial;
	unsigned attempt = (unsigned)(t - d->tries) + 1;
	struct observation o;
	if (d->open) {
		d->fn(d->ctx, DIAL_EVENT, ev);
		return;
	}
	switch (ev->type) {
	case SOCK_CONNECTED:
		t->local = sock_local(t->sock);
		opened(d, attempt, ev);
		break;
	case SOCK_ICMP: /* closes the socket, so that the errno it also causes is not told again */
		on_icmp(d, attempt, ev);
		break;
	case SOCK_REFUSED:
	case SOCK_RESET:
		describe(d, attempt, &o, "connect", OUTCOME_REFUSED);
		failed_try(d, attempt, OUTCOME_REFUSED, &o, ev->at_ns);
		suspect(d, SUSPECT_IMPOSTOR);
		break;
	default: {
		enum outcome outcome = ev->err == ETIMEDOUT ? OUTCOME_SILENT : OUTCOME_UNREACHABLE;
		describe(d, attempt, &o, "connect", outcome);
		obs_int(&o, A_ERRNO, ev->err);
		failed_try(d, attempt, outcome, &o, ev->at_ns);
		break;
	}
	}
}

/* Tries 1 to 3 go to the first address, the others to the next ones in turn. */
static const struct addr *address_for(const struct dial *d, unsigned attempt)
{
	size_t i = attempt <= ADDRESS_TRIES ? 0 : attempt - ADDRESS_TRIES;
	return &d->addrs[i % d->n_addrs];
}

static void send_syn(struct dial *d, unsigned attempt, uint64_t now)
{
	struct dial_try *t = try_at(d, attempt);
	struct sock_opts opts = probe_sock_opts(d->probe);
	uint32_t n = syns(d, attempt);
	struct observation o;
	*t = (struct dial_try){.dial = d, .peer = {*address_for(d, attempt), d->port}};
	if (!probe_spend(d->probe, n, n * SYN_BYTES)) {
		not_run(d, "packet budget");
		return;
	}
	int e = sock_tcp(probe_loop(d->probe), &t->peer, &opts, on_sock, t, &t->sock);
	if (!e) {
		t->local = sock_local(t->sock);
		return;
	}
	bool denied = e == -EPERM || e == -EACCES;
	describe(d, attempt, &o, "connect", OUTCOME_UNREACHABLE);
	obs_int(&o, A_ERRNO, -e);
	failed_try(d, attempt, denied ? OUTCOME_DENIED_LOCALLY : OUTCOME_UNREACHABLE, &o, now);
}

static void silent(struct dial *d, unsigned attempt, uint64_t now)
{
	struct observation o;
	describe(d, attempt, &o, "connect", OUTCOME_SILENT);
	bool last = attempt > 1; /* the first one stays open and goes on */
	observe_try(d, attempt, OUTCOME_SILENT, &o, last ? sent(d, attempt) : syns(d, attempt), now);
	if (last)
		close_try(d, attempt);
	suspect(d, SUSPECT_SILENT);
}

static void give_up(struct dial *d)
{
	for (unsigned i = 1; i <= d->retry.sent; i++)
		close_try(d, i);
	d->fn(d->ctx, DIAL_FAILED, NULL);
}

static void tick(void *ctx)
{
	struct dial *d = ctx;
	unsigned attempt = 0;
	if (d->open)
		return;
	for (;;) {
		uint64_t now = probe_now(d->probe);
		switch (retry_step(&d->retry, now, &attempt)) {
		case RETRY_SEND:
			send_syn(d, attempt, now);
			break;
		case RETRY_SILENT:
			silent(d, attempt, now);
			break;
		case RETRY_OVER:
			give_up(d);
			return;
		case RETRY_WAIT:
			loop_timer_set(d->timer, retry_deadline(&d->retry));
			return;
		}
	}
}

/* The schedule begins when this destination may get its first packet. */
static void begin(struct dial *d)
{
	uint64_t at = probe_slot(d->probe, &d->addrs[0]);
	double answer_s = probe_run(d->probe)->settings->timeout_s;
	retry_init(&d->retry, at, (uint64_t)(answer_s * (double)NS_PER_S));
	d->retry.limit = d->limit;
	d->timer = loop_timer_add(probe_loop(d->probe), at, tick, d);
}

static void on_names(void *ctx, const struct names_result *res)
{
	struct dial *d = ctx;
	if (!res->n_addrs) {
		not_run(d, arena_printf(probe_run(d->probe)->arena, "no address for %s (%s)",
					d->name, res->reason));
		d->fn(d->ctx, DIAL_FAILED, NULL);
		return;
	}
	memcpy(d->addrs, res->addrs, sizeof(d->addrs));
	d->n_addrs = res->n_addrs;
	d->limit = d->limit ? d->limit : RETRY_TRIES;
	begin(d);
}

void dial_name(struct dial *d)
{
	const struct profile_target *t = probe_target(d->probe);
	probe_resolve(d->probe, d->name, !t || (t->families & FAMILY_4) ? 4 : 6, on_names, d);
}

void dial_addr(struct dial *d, const struct addr *a, unsigned tries)
{
	d->addrs[0] = *a;
	d->n_addrs = 1;
	d->limit = tries;
	begin(d);
}

void dial_cancel(struct dial *d)
{
	loop_timer_del(d->timer);
	d->timer = NULL;
	for (unsigned i = 1; i <= RETRY_TRIES; i++)
		close_try(d, i);
}

struct sock *dial_sock(struct dial *d)
{
	return try_at(d, d->open)->sock;
}

const struct endpoint *dial_peer(const struct dial *d)
{
	return &d->tries[d->open - 1].peer;
}

int dial_take_fd(struct dial *d)
{
	int fd = sock_take_fd(dial_sock(d));
	try_at(d, d->open)->sock = NULL;
	return fd;
}

uint32_t dial_attempts(const struct dial *d)
{
	return d->before + d->retry.sent;
}

void dial_describe(struct dial *d, struct observation *o, const char *phase, enum outcome outcome,
		   uint64_t at_ns)
{
	describe(d, d->open, o, phase, outcome);
	obs_real(o, A_WAITED_MS, at_ns > d->opened_ns ? (double)(at_ns - d->opened_ns) / 1e6 : 0);
}
