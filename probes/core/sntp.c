#include "sntp.h"

#include <stdio.h>
#include <string.h>

#include "sallyport/bytes.h"
#include "sallyport/text.h"

static const char *const stopping[] = { "RATE", "DENY", "RSTR" }; /* RFC 5905 section 7.4 */

size_t sntp_build(uint8_t *out, size_t cap, const struct sntp_try *t)
{
	struct ntp_packet q = { .version = 4, .mode = NTP_CLIENT, .transmit = t->cookie };
	return ntp_build(out, cap, &q);
}

/* Stratum 0 and 1 carry up to four letters, padded with zeros; others an IPv4 address or a hash. */
static void put_refid(struct sntp_reply *r)
{
	uint8_t b[4];
	struct writer w = wr_of(b, sizeof(b));
	wr_be32(&w, r->packet.refid);
	if (r->packet.stratum <= 1)
		text_printable(r->refid, sizeof(r->refid), wire_text_of(b, strnlen((char *)b, 4)));
	else
		snprintf(r->refid, sizeof(r->refid), "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

static void put_clock(struct sntp_reply *r, const struct sntp_try *t, int64_t age_us)
{
	uint64_t t1 = ntp_from_unix_us(t->t1_us), t4 = ntp_from_unix_us(t->t1_us + age_us);
	const struct ntp_packet *p = &r->packet;
	r->clock_known = !r->kiss && p->stratum < NTP_STRATUM_UNSYNC && p->leap != NTP_LEAP_UNKNOWN &&
			 p->transmit;
	r->offset_ms = ntp_offset_s(t1, p->receive, p->transmit, t4) * 1e3;
}

void sntp_read(const struct sntp_try *tries, const int64_t *age_us, unsigned n, const uint8_t *p,
	       size_t len, struct sntp_reply *out)
{
	struct sntp_reply r = { .outcome = OUTCOME_GARBLED };
	if (ntp_parse(p, len, &r.packet)) {
		*out = r;
		return;
	}
	r.kiss = r.packet.stratum == 0;
	put_refid(&r);
	for (unsigned i = 0; i < n; i++)
		if (tries[i].cookie == r.packet.origin) {
			r.attempt = i + 1;
			r.origin_ok = true;
			put_clock(&r, &tries[i], age_us[i]);
		}
	r.outcome = r.origin_ok && r.packet.mode == NTP_SERVER ? OUTCOME_ANSWERED : OUTCOME_MISMATCH;
	for (size_t i = 0; r.outcome == OUTCOME_ANSWERED && r.kiss && i < 3; i++)
		r.stop |= strcmp(r.refid, stopping[i]) == 0;
	*out = r;
}
