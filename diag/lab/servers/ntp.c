/*
 * The lab's time server on UDP 123: honest, wrong while its claims look healthy, refusing with a
 * kiss code, unsynchronised, or echoing another origin than it was sent.
 */
#include "sallyport/clock.h"
#include "sallyport/lab.h"
#include "sallyport/wire/ntp.h"
#include "udp.h"

#define WRONG_BY_S 3600.0
#define KISS_RATE 0x52415445U /* "RATE", RFC 5905 section 7.4 */
#define KISS_DENY 0x44454e59U
#define REFID_GPS 0x47505300U

static uint64_t server_time(const struct lab_world *w)
{
	double ahead = w->knobs.clock_offset_s + (w->knobs.ntp == LAB_NTP_WRONG ? WRONG_BY_S : 0);
	return ntp_from_unix_us(clock_wall_us() + (int64_t)(ahead * 1e6));
}

static void apply_fault(enum lab_ntp mode, struct ntp_packet *a)
{
	if (mode == LAB_NTP_KOD_RATE || mode == LAB_NTP_KOD_DENY) {
		a->leap = NTP_LEAP_UNKNOWN;
		a->stratum = 0;
		a->refid = mode == LAB_NTP_KOD_RATE ? KISS_RATE : KISS_DENY;
	}
	if (mode == LAB_NTP_UNSYNC) {
		a->leap = NTP_LEAP_UNKNOWN;
		a->stratum = NTP_STRATUM_UNSYNC;
		a->refid = 0;
	}
	if (mode == LAB_NTP_BAD_ORIGIN)
		a->origin ^= 1;
}

static void on_query(void *ctx, struct lab_udp *u, const struct endpoint *from, const uint8_t *p, size_t n)
{
	const struct lab_world *w = ctx;
	struct ntp_packet q;
	uint8_t out[NTP_BYTES];
	if (ntp_parse(p, n, &q) || q.mode != NTP_CLIENT)
		return;
	uint64_t now = server_time(w);
	struct ntp_packet a = {
		.version = q.version,
		.mode = NTP_SERVER,
		.stratum = 1,
		.poll = q.poll,
		.precision = -20,
		.refid = REFID_GPS,
		.reference = now,
		.origin = q.transmit,
		.receive = now,
		.transmit = now,
	};
	apply_fault(w->knobs.ntp, &a);
	lab_udp_send(u, from, out, ntp_build(out, sizeof(out), &a));
}

static int start(struct loop *l, const struct lab_world *w)
{
	struct endpoint local = { w->ntp, lab_world_port(w, "ntp", 123) };
	/* The callback's context is a plain pointer; the world is only read through it. */
	union {
		const struct lab_world *in;
		void *out;
	} ctx = { .in = w };
	return lab_udp_open(l, &local, on_query, ctx.out, NULL);
}

const struct lab_server lab_server_ntp = { "ntp", LAB_SIDE_FAR, start };
