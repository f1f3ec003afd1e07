/* The device's handshake fed with datagrams, each behind two bytes of length: whatever comes, it
 * ends with what it promises, and its own hellos carry the cookie that it was given. */
#include <stdlib.h>
#include <string.h>

#include "probes/core/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void hello_is_ours(struct handshake *h)
{
	uint8_t out[DTLS_HELLO_MAX];
	struct dtls_record rec;
	struct dtls_fragment f;
	struct dtls_client_hello c;
	size_t n = hs_client_hello(h, out, sizeof(out));
	struct reader r = rd_of(out, n);
	must(n && dtls_next_record(&r, 0, &rec) == 1 && rec.seq == h->record_seq - 1);
	struct reader body = rd_of(rec.body.p, rec.body.n);
	must(dtls_next_fragment(&body, &f) == 1 && f.message_seq == h->have_cookie);
	must(dtls_parse_client_hello(f.body.p, f.body.n, &c) == 0 && c.cookie.n == h->cookie_n &&
	     memcmp(c.random.p, h->random, sizeof(h->random)) == 0 && c.cid_ext == h->cid_ext &&
	     (!c.cookie.n || memcmp(c.cookie.p, h->cookie, c.cookie.n) == 0));
}

static void key_is_whole(const struct handshake *h)
{
	const struct bytes slices[] = {h->key.params, h->key.point, h->key.signature};
	for (size_t i = 0; i < 3; i++)
		must(!slices[i].n || (slices[i].p >= h->key_msg.bytes &&
				      slices[i].p + slices[i].n <=
					      h->key_msg.bytes + h->key_msg.length));
	must(h->server_hello && h->key.point.n == DTLS_POINT_BYTES &&
	     h->key.params.n == DTLS_PARAMS_BYTES);
}

static void check(struct handshake *h, enum hs_result r)
{
	size_t flight = strnlen(h->flight, sizeof(h->flight));
	must(flight < sizeof(h->flight));
	for (size_t i = 0; i < flight; i++)
		must(h->flight[i] >= 0x20 && h->flight[i] < 0x7f);
	must(r != HS_HELLO || (h->answer && h->hello_seen));
	must(r != HS_ALERT || h->alert.level);
	must(r != HS_WRONG_SUITE || h->suite != DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8);
	if (r == HS_KEY_EXCHANGE)
		key_is_whole(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t random[32] = {0xa5};
	static struct handshake h;
	struct reader r = rd_of(p, n);
	unsigned hellos = 0, keys = 0;
	hs_init(&h, random, n & 1 ? 254 : 0);
	hello_is_ours(&h);
	while (rd_left(&r)) {
		size_t len = rd_be16(&r);
		struct bytes datagram = rd_take(&r, len < rd_left(&r) ? len : rd_left(&r));
		enum hs_result result = hs_datagram(&h, datagram.p, datagram.n);
		check(&h, result);
		hellos += result == HS_HELLO;
		keys += result == HS_KEY_EXCHANGE;
		hello_is_ours(&h);
	}
	must(hellos <= 1 && keys <= 1);
	uint8_t out[64];
	must(hs_goodbye(&h, out, sizeof(out)) == 15);
	return 0;
}
