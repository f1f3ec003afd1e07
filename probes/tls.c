/*
 * tcp443: one TLS handshake with the host's own name, and what this host's trust store says about
 * the certificate. Where the handshake itself fails, the same address is asked once more, once with
 * another name and once without any, all at the same time: that tells a filter on the name from
 * one on the address (faults.md S3, S4).
 */
#include <string.h>

#include "dial.h"
#include "sallyport/clock.h"
#include "sallyport/tls_client.h"

#define HANDSHAKE_WAIT_NS (5 * NS_PER_S)
#define MARGIN_NS (200 * NS_PER_MS)
#define LEAST_NS (NS_PER_S) /* less time left than this: no further tries */

enum {
	/* ACK, hello, ACKs of the server's flight, Finished, close_notify, FIN and its ACK. */
	EXCHANGE_PACKETS = 9,
	HELLO_BYTES = 517 + 160, /* OpenSSL's padded hello; Finished and close_notify */
	EXCHANGE_BYTES = EXCHANGE_PACKETS * ACK_BYTES + HELLO_BYTES,
};

enum { TRY_REAL, TRY_AGAIN, TRY_OTHER, TRY_NONE, TRY_COUNT };

struct tls_try {
	struct tls_probe *owner;
	struct dial dial;
	struct tls_client *client;
	struct loop_timer *timer;
	const char *sni_name; /* what is sent; NULL: nothing */
	bool started, over;
};

struct tls_probe {
	struct probe *probe;
	const char *name;
	struct tls_try tries[TRY_COUNT];
};

static void finish_if_over(struct tls_probe *s)
{
	for (unsigned i = 0; i < TRY_COUNT; i++)
		if (s->tries[i].started && !s->tries[i].over)
			return;
	probe_finish(s->probe);
}

/* An RST, a FIN or silence after the ServerHello is worth telling from one before it. */
static const char *reason_of(const struct tls_result *r)
{
	static const char *const words[][2] = {
		[TLS_PENDING] = {"silence", "silence-after-hello"},
		[TLS_ALERTED] = {"alert", "alert-after-hello"},
		[TLS_RESET] = {"rst", "rst-after-hello"},
		[TLS_CLOSED] = {"fin", "fin-after-hello"},
		[TLS_GARBLED] = {"not-tls", "garbled-after-hello"},
		[TLS_FAILED] = {"failed", "failed"},
		[TLS_DONE] = {NULL, NULL},
	};
	return words[r->end][r->server_hello];
}

static enum outcome outcome_of(const struct tls_try *t, const struct tls_result *r)
{
	static const enum outcome outcomes[] = {
		[TLS_PENDING] = OUTCOME_SILENT, [TLS_DONE] = OUTCOME_ANSWERED,
		[TLS_ALERTED] = OUTCOME_RESET,  [TLS_RESET] = OUTCOME_RESET,
		[TLS_CLOSED] = OUTCOME_RESET,   [TLS_GARBLED] = OUTCOME_GARBLED,
		[TLS_FAILED] = OUTCOME_GARBLED,
	};
	bool side = t != &t->owner->tries[TRY_REAL] && t != &t->owner->tries[TRY_AGAIN];
	return side && r->server_hello ? OUTCOME_ANSWERED : outcomes[r->end];
}

static void add_certificate(struct tls_try *t, struct observation *o, const struct tls_result *r)
{
	struct arena *a = probe_run(t->owner->probe)->arena;
	char text[2 * sizeof(r->spki_sha256) + 1], time[CLOCK_STRLEN];
	if (r->chain_known) {
		obs_bool(o, A_CHAIN_OK, r->chain_ok);
		obs_bool(o, A_CHAIN_OK_UNDATED, r->chain_ok_undated);
	}
	obs_bool(o, A_NAME_OK, r->name_ok);
	obs_text(o, A_VERIFY, r->verify);
	obs_text(o, A_ISSUER, r->issuer);
	obs_text(o, A_SUBJECT, r->subject);
	obs_text(o, A_NOT_BEFORE, arena_strdup(a, clock_format_utc(r->not_before_us, time)));
	obs_text(o, A_NOT_AFTER, arena_strdup(a, clock_format_utc(r->not_after_us, time)));
	text_hex(text, sizeof(text), r->spki_sha256, sizeof(r->spki_sha256));
	obs_text(o, A_SPKI_SHA256, arena_strdup(a, text));
}

static void observe(struct tls_try *t, const struct tls_result *r, uint64_t at_ns)
{
	struct observation o;
	char hex[2 * TLS_FIRST_BYTES + 1];
	dial_describe(&t->dial, &o, "tls", outcome_of(t, r), at_ns);
	if (r->version[0])
		obs_text(&o, A_TLS_VERSION, r->version);
	if (r->has_certificate)
		add_certificate(t, &o, r);
	if (r->alert >= 0)
		obs_int(&o, A_ALERT, r->alert);
	if (r->err)
		obs_int(&o, A_ERRNO, r->err);
	if (reason_of(r))
		obs_text(&o, A_REASON, reason_of(r));
	if (r->end == TLS_GARBLED) {
		text_hex(hex, sizeof(hex), r->first, r->n_first);
		obs_text(&o, A_HEX, hex);
	}
	if (r->answered_ns)
		obs_real(&o, A_RTT_MS, (double)(r->answered_ns - r->started_ns) / 1e6);
	obs_int(&o, A_PACKETS, EXCHANGE_PACKETS);
	obs_int(&o, A_BYTES, EXCHANGE_PACKETS * ACK_BYTES + (int64_t)r->sent);
	probe_observe(t->owner->probe, &o);
}

/* A chain that fails only by its dates points at a clock, not at another machine. A connection that
 * opens and stays mute may have been accepted by a box on the way. */
static bool is_impostor(const struct tls_result *r)
{
	return r->end == TLS_GARBLED || (r->end == TLS_PENDING && !r->server_hello) ||
	       (r->has_certificate && r->chain_known && (!r->chain_ok_undated || !r->name_ok));
}

static void start_try(struct tls_probe *s, unsigned which, const char *sni_name, uint32_t before);

static void compare_names(struct tls_probe *s)
{
	const struct text_list *others = &probe_run(s->probe)->profile->control_names;
	uint32_t before = dial_attempts(&s->tries[TRY_REAL].dial);
	if (probe_now(s->probe) + LEAST_NS > probe_deadline_ns(s->probe))
		return;
	start_try(s, TRY_AGAIN, s->name, before);
	start_try(s, TRY_NONE, NULL, before + 1);
	if (others->n)
		start_try(s, TRY_OTHER, others->v[0], before + 2);
}

static void end_try(struct tls_try *t, const struct tls_result *r)
{
	struct tls_probe *s = t->owner;
	bool first = t == &s->tries[TRY_REAL], failed = r->end != TLS_DONE;
	observe(t, r, probe_now(s->probe));
	if ((first || t == &s->tries[TRY_AGAIN]) && is_impostor(r))
		probe_suspect(s->probe, SUSPECT_IMPOSTOR, TRANSPORT_TCP, dial_peer(&t->dial),
			      (struct bytes){NULL, 0});
	tls_client_close(t->client); /* r dies with it */
	t->client = NULL;
	loop_timer_del(t->timer);
	t->timer = NULL;
	t->over = true;
	if (first && failed)
		compare_names(s);
	finish_if_over(s);
}

static void on_tls(void *ctx, const struct tls_result *r)
{
	end_try(ctx, r);
}

static void on_time(void *ctx)
{
	struct tls_try *t = ctx;
	end_try(t, tls_client_result(t->client));
}

static void opened(struct tls_try *t)
{
	struct tls_probe *s = t->owner;
	uint64_t now = probe_now(s->probe), last = probe_deadline_ns(s->probe) - MARGIN_NS;
	uint64_t end = now + HANDSHAKE_WAIT_NS;
	struct tls_client_opts o = {.sni = t->sni_name,
				    .name = t->sni_name ? t->sni_name : s->name};
	(void)probe_spend(s->probe, EXCHANGE_PACKETS, EXCHANGE_BYTES);
	int e = tls_client_start(probe_loop(s->probe), dial_take_fd(&t->dial), &o, on_tls, t,
				 &t->client);
	if (e) {
		struct tls_result none = {.end = TLS_FAILED, .alert = -1};
		t->client = NULL;
		end_try(t, &none);
		return;
	}
	t->timer = loop_timer_add(probe_loop(s->probe), end < last ? end : last, on_time, t);
}

static void on_dial(void *ctx, enum dial_news news, const struct sock_event *ev)
{
	struct tls_try *t = ctx;
	(void)ev;
	if (news == DIAL_OPEN) {
		opened(t);
	} else if (news == DIAL_FAILED) {
		t->over = true;
		finish_if_over(t->owner);
	}
}

static void start_try(struct tls_probe *s, unsigned which, const char *sni_name, uint32_t before)
{
	static const char *const kinds[TRY_COUNT] = {"real", "real", "other", "none"};
	struct tls_try *t = &s->tries[which];
	*t = (struct tls_try){.owner = s, .sni_name = sni_name, .started = true};
	t->dial = (struct dial){.probe = s->probe,
				.name = s->name,
				.sni = kinds[which],
				.port = probe_target(s->probe)->port,
				.before = before,
				.fn = on_dial,
				.ctx = t};
	if (which == TRY_REAL)
		dial_name(&t->dial);
	else
		dial_addr(&t->dial, &dial_peer(&s->tries[TRY_REAL].dial)->addr, 1);
}

static int start(struct probe *p, void *state)
{
	struct tls_probe *s = state;
	s->probe = p;
	s->name = probe_check(p)->target;
	start_try(s, TRY_REAL, s->name, 0);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct tls_probe *s = state;
	(void)p;
	for (unsigned i = 0; i < TRY_COUNT; i++) {
		loop_timer_del(s->tries[i].timer);
		tls_client_close(s->tries[i].client);
		dial_cancel(&s->tries[i].dial);
	}
}

const struct probe_def tls_probe = {
	.name = "tls",
	.title = "TLS handshake and certificate",
	.summary = "verifies the host's certificate; on failure compares names on the same address",
	.checks = "STEM",
	.privilege = "none",
	.packets = DIAL_PACKETS + (TRY_COUNT - 1) * DIAL_ONE_PACKETS + TRY_COUNT * EXCHANGE_PACKETS,
	.bytes = (DIAL_PACKETS + (TRY_COUNT - 1) * DIAL_ONE_PACKETS) * SYN_BYTES +
		 TRY_COUNT * EXCHANGE_BYTES,
	.state_size = sizeof(struct tls_probe),
	.start = start,
	.cancel = cancel,
};
