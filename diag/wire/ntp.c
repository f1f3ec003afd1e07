#include "sallyport/wire/ntp.h"

#include "sallyport/bytes.h"
#include "sallyport/err.h"

/* Seconds from 1900 to 1970 (RFC 5905 figure 4). */
#define UNIX_EPOCH UINT64_C(2208988800)

size_t ntp_build(uint8_t *out, size_t cap, const struct ntp_packet *in)
{
	struct writer w = wr_of(out, cap);
	wr_u8(&w, (uint8_t)((in->leap & 3) << 6 | (in->version & 7) << 3 | (in->mode & 7)));
	wr_u8(&w, in->stratum);
	wr_u8(&w, (uint8_t)in->poll);
	wr_u8(&w, (uint8_t)in->precision);
	wr_be32(&w, in->root_delay);
	wr_be32(&w, in->root_dispersion);
	wr_be32(&w, in->refid);
	wr_be64(&w, in->reference);
	wr_be64(&w, in->origin);
	wr_be64(&w, in->receive);
	wr_be64(&w, in->transmit);
	return wr_ok(&w) ? w.at : 0;
}

int ntp_parse(const uint8_t *p, size_t n, struct ntp_packet *out)
{
	struct reader r = rd_of(p, n);
	uint8_t first = rd_u8(&r);
	struct ntp_packet m = { .leap = first >> 6, .version = first >> 3 & 7, .mode = first & 7 };
	m.stratum = rd_u8(&r);
	m.poll = (int8_t)rd_u8(&r);
	m.precision = (int8_t)rd_u8(&r);
	m.root_delay = rd_be32(&r);
	m.root_dispersion = rd_be32(&r);
	m.refid = rd_be32(&r);
	m.reference = rd_be64(&r);
	m.origin = rd_be64(&r);
	m.receive = rd_be64(&r);
	m.transmit = rd_be64(&r);
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	if (m.version < 1 || m.version > 4)
		return SP_E_MALFORMED;
	*out = m;
	return 0;
}

uint64_t ntp_from_unix_us(int64_t us)
{
	uint64_t s = (uint64_t)(us / 1000000), rest = (uint64_t)(us % 1000000);
	return (s + UNIX_EPOCH) << 32 | (rest << 32) / 1000000;
}

static double seconds(uint64_t later, uint64_t earlier)
{
	return (double)(int64_t)(later - earlier) / 4294967296.0;
}

double ntp_offset_s(uint64_t t1, uint64_t t2, uint64_t t3, uint64_t t4)
{
	return (seconds(t2, t1) + seconds(t3, t4)) / 2;
}

double ntp_delay_s(uint64_t t1, uint64_t t2, uint64_t t3, uint64_t t4)
{
	return seconds(t4, t1) - seconds(t3, t2);
}
