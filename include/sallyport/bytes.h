/*
 * Byte cursors with a sticky error, for reading hostile bytes and for writing packets.
 *
 * Promises: no read or write ever leaves the given memory. A read past the end yields zero, sets
 * `bad` and moves nothing; every later read yields zero too. A parser therefore runs straight
 * through and asks rd_ok() once at the end. The same holds for writers. Network byte order.
 */
#ifndef SALLYPORT_BYTES_H
#define SALLYPORT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	const uint8_t *p;
	size_t n;
};

struct reader {
	const uint8_t *p;
	size_t n, at;
	bool bad;
};

struct writer {
	uint8_t *p;
	size_t n, at;
	bool bad;
};

struct reader rd_of(const void *p, size_t n);
bool rd_ok(const struct reader *r);
size_t rd_left(const struct reader *r);
uint8_t rd_u8(struct reader *r);
uint16_t rd_be16(struct reader *r);
uint32_t rd_be24(struct reader *r);
uint32_t rd_be32(struct reader *r);
uint64_t rd_be48(struct reader *r);
uint64_t rd_be64(struct reader *r);
/* The next n bytes as a slice of the input (empty, and bad set, when there are fewer). */
struct bytes rd_take(struct reader *r, size_t n);
/* The next n bytes as a reader of their own; already bad when there are fewer. */
struct reader rd_sub(struct reader *r, size_t n);
void rd_skip(struct reader *r, size_t n);
/* Moves to an absolute offset (at most n). */
void rd_seek(struct reader *r, size_t at);

struct writer wr_of(void *p, size_t cap);
bool wr_ok(const struct writer *w);
void wr_u8(struct writer *w, uint8_t v);
void wr_be16(struct writer *w, uint16_t v);
void wr_be24(struct writer *w, uint32_t v);
void wr_be32(struct writer *w, uint32_t v);
void wr_be48(struct writer *w, uint64_t v);
void wr_be64(struct writer *w, uint64_t v);
void wr_bytes(struct writer *w, const void *p, size_t n);
/* Reserves a 1, 2 or 3 byte length field and returns its place; wr_len_end fills in how many bytes
 * followed it (bad when they do not fit the width). */
size_t wr_len_begin(struct writer *w, unsigned width);
void wr_len_end(struct writer *w, size_t place, unsigned width);

#endif
