/*
 * An arena: memory that is all freed at once.
 *
 * Promises: returned memory is zeroed, aligned for any type and lives until arena_free(). Out of
 * memory prints one line and ends the process with 70, so no caller checks for NULL; therefore
 * everything an outsider can grow has a limit of its own.
 */
#ifndef SALLYPORT_ARENA_H
#define SALLYPORT_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is allowed */
void *arena_alloc(struct arena *a, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void *arena_memdup(struct arena *a, const void *p, size_t n);

/* calloc for handles with a lifetime of their own; ends the process when memory is out. */
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

#endif
