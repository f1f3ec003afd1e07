#include "sallyport/bytes.h"

#include <string.h>

struct reader rd_of(const void *p, size_t n)
{
	return (struct reader){ .p = p, .n = n };
}

bool rd_ok(const struct reader *r)
{
	return !r->bad;
}

size_t rd_left(const struct reader *r)
{
	return r->bad ? 0 : r->n - r->at;
}

struct bytes rd_take(struct reader *r, size_t n)
{
	if (rd_left(r) < n || r->bad) {
		r->bad = true;
		return (struct bytes){ NULL, 0 };
	}
	struct bytes out = { r->p + r->at, n };
	r->at += n;
	return out;
}

struct reader rd_sub(struct reader *r, size_t n)
{
	struct bytes b = rd_take(r, n);
	return (struct reader){ .p = b.p, .n = b.n, .bad = r->bad };
}

void rd_skip(struct reader *r, size_t n)
{
	(void)rd_take(r, n);
}

void rd_seek(struct reader *r, size_t at)
{
	if (at > r->n)
		r->bad = true;
	else
		r->at = at;
}

/* Big-endian number of up to 8 bytes; 0 once the cursor is bad. */
static uint64_t rd_be(struct reader *r, size_t n)
{
	struct bytes b = rd_take(r, n);
	uint64_t v = 0;
	for (size_t i = 0; i < b.n; i++)
		v = v << 8 | b.p[i];
	return v;
}

uint8_t rd_u8(struct reader *r)
{
	return (uint8_t)rd_be(r, 1);
}

uint16_t rd_be16(struct reader *r)
{
	return (uint16_t)rd_be(r, 2);
}

uint32_t rd_be24(struct reader *r)
{
	return (uint32_t)rd_be(r, 3);
}

uint32_t rd_be32(struct reader *r)
{
	return (uint32_t)rd_be(r, 4);
}

uint64_t rd_be48(struct reader *r)
{
	return rd_be(r, 6);
}

uint64_t rd_be64(struct reader *r)
{
	return rd_be(r, 8);
}

struct writer wr_of(void *p, size_t cap)
{
	return (struct writer){ .p = p, .n = cap };
}

bool wr_ok(const struct writer *w)
{
	return !w->bad;
}

void wr_bytes(struct writer *w, const void *p, size_t n)
{
	if (w->bad || w->n - w->at < n) {
		w->bad = true;
		return;
	}
	if (n)
		memcpy(w->p + w->at, p, n);
	w->at += n;
}

static void wr_be(struct writer *w, uint64_t v, unsigned n)
{
	uint8_t b[8];
	for (unsigned i = 0; i < n; i++)
		b[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	wr_bytes(w, b, n);
}

void wr_u8(struct writer *w, uint8_t v)
{
	wr_be(w, v, 1);
}

void wr_be16(struct writer *w, uint16_t v)
{
	wr_be(w, v, 2);
}

void wr_be24(struct writer *w, uint32_t v)
{
	wr_be(w, v, 3);
}

void wr_be32(struct writer *w, uint32_t v)
{
	wr_be(w, v, 4);
}

void wr_be48(struct writer *w, uint64_t v)
{
	wr_be(w, v, 6);
}

void wr_be64(struct writer *w, uint64_t v)
{
	wr_be(w, v, 8);
}

size_t wr_len_begin(struct writer *w, unsigned width)
{
	size_t place = w->at;
	wr_be(w, 0, width);
	return place;
}

void wr_len_end(struct writer *w, size_t place, unsigned width)
{
	if (w->bad)
		return;
	uint64_t len = w->at - place - width;
	if (len >> (8 * width)) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < width; i++)
		w->p[place + i] = (uint8_t)(len >> (8 * (width - 1 - i)));
}
