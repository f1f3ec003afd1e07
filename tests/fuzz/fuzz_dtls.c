/* DTLS records, fragments and messages: slices lie inside the input, and what a builder can say
 * again reads back the same. */
#include <stdlib.h>
#include <string.h>

#include "sallyport/wire/dtls.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void inside(const uint8_t *p, size_t n, struct bytes s)
{
	must(!s.n || (s.p >= p && s.n <= n && (size_t)(s.p - p) <= n - s.n));
}

static void same(struct bytes a, struct bytes b)
{
	must(a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0));
}

static void message(uint8_t type, const uint8_t *p, size_t n)
{
	static uint8_t out[DTLS_MESSAGE_MAX + 512];
	struct dtls_client_hello c;
	struct dtls_server_hello s;
	struct dtls_hello_verify v, v2;
	struct dtls_key_exchange k, k2;
	if (type == DTLS_CLIENT_HELLO && dtls_parse_client_hello(p, n, &c) == 0) {
		inside(p, n, c.random), inside(p, n, c.cookie), inside(p, n, c.suites);
		must(c.random.n == DTLS_RANDOM_BYTES);
	}
	if (type == DTLS_SERVER_HELLO && dtls_parse_server_hello(p, n, &s) == 0) {
		inside(p, n, s.random), inside(p, n, s.session_id);
		must(s.random.n == DTLS_RANDOM_BYTES);
	}
	if (type == DTLS_HELLO_VERIFY_REQUEST && dtls_parse_hello_verify(p, n, &v) == 0) {
		size_t m = dtls_build_hello_verify(out, sizeof(out), v.cookie);
		inside(p, n, v.cookie);
		must(m && dtls_parse_hello_verify(out, m, &v2) == 0);
		same(v.cookie, v2.cookie);
	}
	if (type == DTLS_SERVER_KEY_EXCHANGE && dtls_parse_key_exchange(p, n, &k) == 0) {
		inside(p, n, k.params), inside(p, n, k.point), inside(p, n, k.signature);
		size_t m = dtls_build_key_exchange(out, sizeof(out), k.params, k.signature);
		must(!m || dtls_parse_key_exchange(out, m, &k2) == 0);
		if (m)
			same(k.point, k2.point), same(k.signature, k2.signature);
	}
}

/* A fragment in a record of its own reads back the same. */
static void rebuild(const struct dtls_fragment *f)
{
	static uint8_t out[1 << 17];
	struct dtls_record rec;
	struct dtls_fragment g;
	size_t n = dtls_build_handshake(out, sizeof(out), DTLS_VERSION_12, 7, f);
	if (f->body.n + DTLS_HANDSHAKE_HEADER > 0xffff) {
		must(!n); /* longer than a record can say */
		return;
	}
	struct reader r = rd_of(out, n);
	must(n && dtls_next_record(&r, 0, &rec) == 1 && rec.type == DTLS_HANDSHAKE && rec.seq == 7);
	struct reader body = rd_of(rec.body.p, rec.body.n);
	must(dtls_next_fragment(&body, &g) == 1 && g.type == f->type && g.length == f->length &&
	     g.message_seq == f->message_seq && g.offset == f->offset);
	same(f->body, g.body);
}

static void handshake(struct dtls_reassembly *a, struct bytes record)
{
	struct reader r = rd_of(record.p, record.n);
	struct dtls_fragment f;
	while (dtls_next_fragment(&r, &f) == 1) {
		inside(record.p, record.n, f.body);
		rebuild(&f);
		if (dtls_reassemble(a, &f) != 1)
			continue;
		must(a->length <= DTLS_MESSAGE_MAX && a->received == a->length);
		message(a->type, a->bytes, a->length);
		a->active = false;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct dtls_reassembly a;
	if (!n)
		return 0;
	size_t cid = p[0] & 0x1f; /* the first byte is ours: how long connection ids are */
	struct reader r = rd_of(p + 1, n - 1);
	struct dtls_record rec;
	struct dtls_alert alert;
	a.active = false;
	while (dtls_next_record(&r, cid, &rec) == 1) {
		inside(p + 1, n - 1, rec.body);
		inside(p + 1, n - 1, rec.cid);
		must(rec.cid.n == (rec.type == DTLS_CID || rec.type == DTLS_MOVE_CID ? cid : 0));
		handshake(&a, rec.body);
		for (unsigned type = 0; type < 21; type++)
			message((uint8_t)type, rec.body.p, rec.body.n);
		if (dtls_parse_alert(rec.body.p, rec.body.n, &alert) == 0) {
			uint8_t out[64];
			size_t m = dtls_build_alert(out, sizeof(out), 0, alert.level,
						    alert.description);
			must(m == 15 && out[13] == rec.body.p[0] && out[14] == rec.body.p[1]);
		}
	}
	return 0;
}
