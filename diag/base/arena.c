#include "sallyport/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sallyport/err.h"

#define BLOCK_BYTES ((size_t)16384)
#define ALIGN _Alignof(max_align_t)

struct block {
	struct block *next;
	size_t used, cap;
	_Alignas(max_align_t) uint8_t data[];
};

struct arena {
	struct block *head;
};

static _Noreturn void out_of_memory(void)
{
	static const char line[] = "sallyport: out of memory\n";
	if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
		_exit(SP_EXIT_INTERNAL);
	_exit(SP_EXIT_INTERNAL);
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);
	if (!p)
		out_of_memory();
	return p;
}

void *xrealloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);
	if (!q)
		out_of_memory();
	return q;
}

char *xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;
	return memcpy(xcalloc(1, n), s, n);
}

struct arena *arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->head; b;) {
		struct block *next = b->next;
		free(b);
		b = next;
	}
	free(a);
}

void *arena_alloc(struct arena *a, size_t n)
{
	n = (n + ALIGN - 1) / ALIGN * ALIGN;
	if (!a->head || a->head->cap - a->head->used < n) {
		size_t cap = n > BLOCK_BYTES ? n : BLOCK_BYTES;
		struct block *b = xcalloc(1, sizeof(*b) + cap);
		b->cap = cap;
		b->next = a->head;
		a->head = b;
	}
	void *p = a->head->data + a->head->used;
	a->head->used += n;
	return p;
}

void *arena_memdup(struct arena *a, const void *p, size_t n)
{
	void *q = arena_alloc(a, n);
	return n ? memcpy(q, p, n) : q;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_memdup(a, s, strlen(s) + 1);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *s = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
	if (n > 0)
		vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}
