/*
 * A slot holds one time: when its client's credit will be whole again (the generic cell rate
 * algorithm, ITU-T I.371). A question moves that time by one interval, and is refused when it lies
 * further ahead than the burst. So idle slots need no refill and no clean-up.
 */
#include "rates.h"

#include <stdlib.h>
#include <string.h>

#include "sallyport/arena.h"
#include "sallyport/clock.h"

enum {
	SLOTS = 1 << 17,  /* 1 MiB: a million sources share about eight to a slot */
	WINDOW = 1 << 14, /* 17 minutes of one client's pokes at their full rate */
	WIDER = 4,        /* a prefix has this many times the rate of one client */
};

struct rates {
	uint8_t key[16];
	uint64_t interval_ns[RATE_CLASS_COUNT];
	uint64_t whole_at_ns[SLOTS];
	uint64_t seen[WINDOW];
};

/* Seconds' worth of questions that may come at once. */
static const uint64_t burst_s[RATE_CLASS_COUNT] = {
	[RATE_STUN] = 2, [RATE_HELLO] = 2, [RATE_MESSAGE] = 2, [RATE_POKE] = 1,
};

static uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void sip_rounds(uint64_t v[4], unsigned n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32) + v[3];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

/* Little-endian, as the algorithm counts. */
static uint64_t le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	for (size_t i = n; i--;)
		v = v << 8 | p[i];
	return v;
}

uint64_t siphash(const uint8_t key[16], const uint8_t *p, size_t n)
{
	uint64_t k0 = le(key, 8), k1 = le(key + 8, 8), last = (uint64_t)n << 56;
	uint64_t v[4] = { k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
			  k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573) };
	for (; n >= 8; p += 8, n -= 8) {
		uint64_t m = le(p, 8);
		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	last |= le(p, n);
	v[3] ^= last;
	sip_rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct rates *rates_new(const double per_s[RATE_CLASS_COUNT], const uint8_t key[16])
{
	struct rates *r = xcalloc(1, sizeof(*r));
	memcpy(r->key, key, sizeof(r->key));
	for (unsigned i = 0; i < RATE_CLASS_COUNT; i++)
		r->interval_ns[i] = (uint64_t)((double)NS_PER_S / per_s[i]);
	return r;
}

void rates_free(struct rates *r)
{
	free(r);
}

/* The slot of the first n bytes of an address. */
static uint64_t *slot(struct rates *r, enum rate_class class, const struct addr *a, size_t n)
{
	uint8_t in[18] = { (uint8_t)class, (uint8_t)n };
	memcpy(in + 2, a->b, n);
	return &r->whole_at_ns[siphash(r->key, in, 2 + n) % SLOTS];
}

static bool has_credit(uint64_t whole_at_ns, uint64_t now_ns, uint64_t burst_ns)
{
	return whole_at_ns <= now_ns || whole_at_ns - now_ns < burst_ns;
}

static void take(uint64_t *whole_at_ns, uint64_t now_ns, uint64_t interval_ns)
{
	*whole_at_ns = (*whole_at_ns > now_ns ? *whole_at_ns : now_ns) + interval_ns;
}

bool rates_allow(struct rates *r, enum rate_class class, const struct addr *from, uint64_t now_ns)
{
	bool v4 = from->family == 4;
	uint64_t *one = slot(r, class, from, v4 ? 4 : 8), *prefix = slot(r, class, from, v4 ? 3 : 6);
	uint64_t burst_ns = burst_s[class] * NS_PER_S, interval_ns = r->interval_ns[class];
	if (!has_credit(*one, now_ns, burst_ns) || !has_credit(*prefix, now_ns, burst_ns))
		return false;
	take(one, now_ns, interval_ns);
	take(prefix, now_ns, interval_ns / WIDER);
	return true;
}

bool rates_first_time(struct rates *r, const struct endpoint *from, uint64_t id)
{
	uint8_t in[26];
	memcpy(in, from->addr.b, 16);
	memcpy(in + 16, &from->port, 2);
	memcpy(in + 18, &id, 8);
	uint64_t mark = siphash(r->key, in, sizeof(in)) | 1, *at = &r->seen[mark / 2 % WINDOW];
	bool first = *at != mark;
	*at = mark;
	return first;
}
