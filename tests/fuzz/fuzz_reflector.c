/*
 * The reflector's decisions: the input is a row of datagrams, each behind a byte that says where it
 * comes from and a byte of length. The own protocol never sends more IP bytes than came in, and to
 * nobody but the asking address; STUN answers once.
 */
#include <stdlib.h>
#include <string.h>

#include "probes/reflector/reflector.h"
#include "sallyport/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static size_t out_bytes;
static const struct addr *asking;

static int count(const struct path *p, size_t bytes)
{
	out_bytes += bytes;
	if (!addr_equal(&p->client.addr, asking))
		abort();
	return 0;
}

static int fake_udp(void *ctx, const struct path *p, struct bytes b)
{
	(void)ctx;
	return count(p, b.n + REFLECT_UDP4);
}

static int fake_error(void *ctx, const struct path *p, struct bytes b)
{
	(void)ctx;
	return count(p, b.n + 2 * REFLECT_UDP4);
}

static int fake_stream(void *ctx, const struct path *p, struct bytes b, bool push)
{
	(void)ctx, (void)push;
	return count(p, b.n + REFLECT_TCP4);
}

static enum reflect_code fake_status(void *ctx, const struct path *p, uint32_t *ms)
{
	(void)ctx, (void)p;
	*ms = 5;
	return REFLECT_WAITING;
}

static void one(struct reflector *r, struct bytes in, unsigned from, const struct reflector_now *now)
{
	uint8_t out[2048] = { 0 };
	struct path p = { { addr_v4(192, 0, 2, 1), from & 1 ? 3478 : 5684 },
			  { addr_v4(203, 0, 113, from >> 4 & 3), (uint16_t)(4000 + (from >> 1 & 3)) } };
	struct path way = p;
	out_bytes = 0;
	asking = &p.client.addr;
	reflector_own(r, in, &p, now);
	if (out_bytes > in.n + REFLECT_UDP4)
		abort();
	size_t n = reflector_stun(r, in, &way, true, now->ns, out, sizeof(out));
	struct stun_message m;
	if (n && (stun_parse(out, n, &m) || !addr_equal(&way.client.addr, asking) || n > in.n + 84))
		abort();
	out_bytes = 0;
	(void)reflector_own_stream(r, in, &p, now);
	if (out_bytes > in.n + REFLECT_TCP4)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const double per_s[RATE_CLASS_COUNT] = { 1000, 1000, 1000, 1000 };
	static const uint8_t key[REFLECT_KEY] = { 3 };
	static struct rates *rates;
	struct reflector_options o = { .addresses = { addr_v4(192, 0, 2, 1), addr_v4(192, 0, 2, 2) },
				       .n_addresses = 2, .ports = { 3478, 5684 }, .n_ports = 2 };
	static uint64_t ns = NS_PER_S;
	rates = rates ? rates : rates_new(per_s, key);
	struct reflector r = { .o = &o, .rates = rates, .can = REFLECT_CAN_ERROR, .keys.epoch = 77,
			       .net = { NULL, fake_udp, fake_error, fake_stream, fake_status } };
	reflect_keys_turn(&r.keys, 1, key);
	reflect_keys_turn(&r.keys, 2, key);
	while (n > 2) {
		struct reflector_now now = { ns += NS_PER_S, 2 * REFLECT_HANDLE_S };
		size_t len = p[1] < n - 2 ? p[1] : n - 2;
		o.rfc5780 = p[0] & 0x80;
		one(&r, (struct bytes){ p + 2, len }, p[0], &now);
		p += 2 + len;
		n -= 2 + len;
	}
	return 0;
}
