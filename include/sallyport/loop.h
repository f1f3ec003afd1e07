/*
 * The event loop: file descriptors, timers and signals on one thread. libuv stands behind it in
 * the program, a fake with virtual time in tests (tests/virtual/fake_net.c).
 *
 * Promises: after loop_io_del, loop_timer_del or loop_signal_del no callback of that handle runs
 * any more. Times are monotonic nanoseconds. Delete a loop_io before its fd is closed, and have at
 * most one loop_io per fd (libuv may abort otherwise).
 */
#ifndef SALLYPORT_LOOP_H
#define SALLYPORT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_io;
struct loop_timer;
struct loop_signal;

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_ERROR = 4 /* error queue, POLLPRI */ };

typedef void loop_io_fn(void *ctx, unsigned events);
typedef void loop_timer_fn(void *ctx);
typedef void loop_signal_fn(void *ctx, int signum);

struct loop *loop_new(void);
/* Runs until loop_stop() or until nothing is left to wait for. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* 0, or the number of handles the caller forgot to delete (they are dropped). */
int loop_free(struct loop *l);
/* Time of the current turn of the loop; loop_clock_ns asks the clock again. */
uint64_t loop_now_ns(const struct loop *l);
uint64_t loop_clock_ns(const struct loop *l);

int loop_io_add(struct loop *l, int fd, unsigned events, loop_io_fn *fn, void *ctx,
		struct loop_io **out);
int loop_io_mod(struct loop_io *io, unsigned events);
void loop_io_del(struct loop_io *io); /* NULL is allowed, here and below */

/* One shot at the absolute time at_ns (at once when it has passed). The handle stays valid until
 * deleted, and may be set again with loop_timer_set. */
struct loop_timer *loop_timer_add(struct loop *l, uint64_t at_ns, loop_timer_fn *fn, void *ctx);
void loop_timer_set(struct loop_timer *t, uint64_t at_ns);
void loop_timer_del(struct loop_timer *t);

int loop_signal_add(struct loop *l, int signum, loop_signal_fn *fn, void *ctx,
		    struct loop_signal **out);
void loop_signal_del(struct loop_signal *s);

#endif
