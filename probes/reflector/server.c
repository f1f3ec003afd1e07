/* Puts the reflector together and runs it until a signal ends it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "sallyport/clock.h"
#include "sallyport/crypto.h"
#include "sallyport/privileges.h"
#include "server.h"

enum { FILES = 2048, NOTE_S = 60 };

/* ---- keys and their time ---- */

/* Without a secret the seconds count from the start, two generations in: both keys are made then, and
 * none is ever all zeros. */
static uint32_t seconds(const struct server *s, uint64_t now_ns)
{
	if (s->wall_clock)
		return (uint32_t)(clock_wall_us() / 1000000);
	return (uint32_t)((now_ns - s->core.n.started_ns) / NS_PER_S) + 2 * REFLECT_HANDLE_S;
}

/* From the secret, the same after a restart; else random. */
static int make_key(const struct server *s, const char label[8], uint32_t number, uint8_t out[REFLECT_KEY])
{
	uint8_t in[12];
	struct writer w = wr_of(in, sizeof(in));
	wr_bytes(&w, label, 8);
	wr_be32(&w, number);
	if (!s->core.o->secret.n)
		return crypto_random(out, REFLECT_KEY);
	return crypto_hmac_sha256(s->core.o->secret, (struct bytes){ in, w.at }, out);
}

/* The key before counts too: at the start, and after a long sleep, both are made. */
static int turn_keys(struct server *s, uint32_t generation)
{
	struct reflect_keys *k = &s->core.keys;
	uint8_t fresh[REFLECT_KEY];
	int e = 0;
	for (uint32_t g = generation - (k->generation != generation - 1); g <= generation && !e; g++) {
		e = make_key(s, "genkey1", g, fresh);
		if (!e)
			reflect_keys_turn(k, g, fresh);
	}
	return e;
}

static int first_keys(struct server *s)
{
	uint8_t epoch[REFLECT_KEY];
	s->wall_clock = s->core.o->secret.n;
	s->core.n.started_ns = clock_mono_ns();
	int e = make_key(s, "epoch-1", 0, epoch);
	if (e)
		return e;
	struct reader r = rd_of(epoch, sizeof(epoch));
	s->core.keys.epoch = rd_be32(&r) | 1; /* never 0 */
	return turn_keys(s, seconds(s, s->core.n.started_ns) / REFLECT_HANDLE_S);
}

struct reflector_now server_now(struct server *s)
{
	uint64_t now_ns = clock_mono_ns();
	uint32_t now_s = seconds(s, now_ns), generation = now_s / REFLECT_HANDLE_S;
	if (generation != s->core.keys.generation)
		(void)turn_keys(s, generation); /* without a key no token is made, and none is good */
	return (struct reflector_now){ now_ns, now_s };
}

/* ---- what is told ---- */
const char *reflector_summary(const struct reflector_counters *n, uint64_t now_ns, char out[REFLECTOR_SUMMARY])
{
	snprintf(out, REFLECTOR_SUMMARY,
		 "%llu s, %llu datagrams, %llu bytes in, %llu out; STUN %llu answered, %llu refused; %llu hello, "
		 "%llu register, %llu poke, %llu refused; dropped %llu over the rate, %llu foreign, %llu bad "
		 "token, %llu replayed; TCP %llu taken, %llu turned away",
		 (unsigned long long)((now_ns - n->started_ns) / NS_PER_S), (unsigned long long)n->datagrams,
		 (unsigned long long)n->bytes_in, (unsigned long long)n->bytes_out,
		 (unsigned long long)n->stun_answers, (unsigned long long)n->stun_errors,
		 (unsigned long long)n->hellos, (unsigned long long)n->registers,
		 (unsigned long long)n->pokes, (unsigned long long)n->pokes_refused,
		 (unsigned long long)n->over_rate, (unsigned long long)n->foreign,
		 (unsigned long long)n->bad_tokens, (unsigned long long)n->replays,
		 (unsigned long long)n->connections, (unsigned long long)n->connections_refused);
	return out;
}

static void note_places(const struct server *s)
{
	for (unsigned i = 0; i < s->n_places; i++) {
		char line[ENDPOINT_STRLEN + 32], at[ENDPOINT_STRLEN];
		snprintf(line, sizeof(line), "listens on %s, UDP and TCP", endpoint_format(&s->udp[i].local, at));
		s->core.o->note(line);
	}
	if (!(s->core.can & REFLECT_CAN_ERROR))
		s->core.o->note("no raw socket (CAP_NET_RAW): no error pokes");
}

static void on_minute(void *ctx)
{
	struct server *s = ctx;
	char line[REFLECTOR_SUMMARY];
	uint64_t now_ns = clock_mono_ns();
	s->core.o->note(reflector_summary(&s->core.n, now_ns, line));
	loop_timer_set(s->notes, now_ns + NOTE_S * NS_PER_S);
}

static void on_stop(void *ctx, int signum)
{
	(void)signum;
	loop_stop(ctx);
}

/* ---- start and end ---- */
static void allow_files(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= FILES)
		return;
	l.rlim_cur = l.rlim_max < FILES ? l.rlim_max : FILES;
	(void)setrlimit(RLIMIT_NOFILE, &l); /* fewer only mean that TCP is refused earlier */
}

static int start_core(struct server *s)
{
	const struct reflector_options *o = s->core.o;
	const double per_s[RATE_CLASS_COUNT] = {
		[RATE_STUN] = o->stun_rate, [RATE_HELLO] = REFLECT_HELLOS_PER_S,
		[RATE_MESSAGE] = REFLECT_MESSAGES_PER_S, [RATE_POKE] = REFLECT_POKES_PER_S,
	};
	uint8_t key[16];
	struct addr other;
	int e = crypto_random(key, sizeof(key));
	if (!e)
		e = first_keys(s);
	if (e)
		return e;
	s->core.rates = rates_new(per_s, key);
	s->core.net = (struct reflector_net){ s, udp_send, error_send, tcp_send, tcp_status };
	s->core.can |= REFLECT_CAN_TCP;
	if (o->n_ports > 1)
		s->core.can |= REFLECT_CAN_OTHER_PORT;
	if (o->shared_key.n)
		s->core.can |= REFLECT_CAN_KEYED;
	for (unsigned i = 0; i < o->n_addresses; i++)
		if (reflector_other_address(&s->core, &o->addresses[i], &other))
			s->core.can |= REFLECT_CAN_OTHER_ADDRESS;
	return 0;
}

static int start(struct server *s, struct sp_error *err)
{
	static const int signals[] = { SIGTERM, SIGINT };
	allow_files();
	int e = places_open(s, err);
	if (e)
		return e;
	error_open(s);
	e = privileges_drop();
	if (e)
		return sp_error_set(err, e, "cannot give up privileges: %s", sp_strerror(e));
	e = start_core(s);
	if (!e)
		e = udp_open(s);
	if (!e)
		e = tcp_open(s);
	for (unsigned i = 0; i < 2 && !e; i++)
		e = loop_signal_add(s->loop, signals[i], on_stop, s->loop, &s->stops[i]);
	return e ? sp_error_set(err, e, "cannot start: %s", sp_strerror(e)) : 0;
}

int reflector_run(const struct reflector_options *o, struct reflector_counters *out, struct sp_error *err)
{
	struct server server = { .core.o = o, .raw4 = -1, .raw6 = -1 }, *s = &server;
	s->loop = loop_new();
	if (!s->loop)
		return sp_error_set(err, SP_E_LIBRARY, "no event loop");
	int e = start(s, err);
	if (!e) {
		if (o->note) {
			note_places(s);
			s->notes = loop_timer_add(s->loop, s->core.n.started_ns + NOTE_S * NS_PER_S,
						  on_minute, s);
		}
		loop_run(s->loop);
	}
	loop_timer_del(s->notes);
	for (unsigned i = 0; i < 2; i++)
		loop_signal_del(s->stops[i]);
	tcp_close(s);
	places_close(s);
	udp_close(s);
	error_close(s);
	loop_free(s->loop);
	rates_free(s->core.rates);
	explicit_bzero(&s->core.keys, sizeof(s->core.keys));
	privileges_traceable();
	*out = s->core.n;
	return e;
}
