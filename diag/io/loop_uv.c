/*
 * The event loop over libuv; the only file that knows it. Handles are allocated here and freed in
 * libuv's close callback, so that for callers *_del is final. ICMP errors wake LOOP_ERROR: plain
 * uv_poll would report them as UV_EBADF and stop, therefore sockets that want them set
 * SO_SELECT_ERR_QUEUE and are polled with UV_PRIORITIZED (POLLPRI).
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <uv.h>

#include "sallyport/arena.h"
#include "sallyport/clock.h"
#include "sallyport/err.h"
#include "sallyport/loop.h"

struct loop {
	uv_loop_t uv;
	unsigned handles; /* not yet deleted by their owners */
};

struct loop_io {
	uv_poll_t uv;
	struct loop *loop;
	loop_io_fn *fn;
	void *ctx;
};

struct loop_timer {
	uv_timer_t uv;
	struct loop *loop;
	loop_timer_fn *fn;
	void *ctx;
	uint64_t at_ns;
};

struct loop_signal {
	uv_signal_t uv;
	struct loop *loop;
	loop_signal_fn *fn;
	void *ctx;
};

/* libuv's status to ours: it uses -errno, except for names of its own. */
static int from_uv(int status)
{
	return status >= 0 ? 0 : status > -4000 ? status : SP_E_LIBRARY;
}

struct loop *loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	if (uv_loop_init(&l->uv)) {
		free(l);
		return NULL;
	}
	return l;
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

static void free_handle(uv_handle_t *h)
{
	free(h->data); /* the struct that holds h */
}

static void close_leftover(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, free_handle);
}

int loop_free(struct loop *l)
{
	if (!l)
		return 0;
	int left = (int)l->handles;
	uv_walk(&l->uv, close_leftover, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT); /* lets close callbacks run */
	int busy = uv_loop_close(&l->uv);
	assert(busy == 0);
	free(l);
	return left;
}

uint64_t loop_now_ns(const struct loop *l)
{
	(void)l;
	return clock_mono_ns(); /* libuv's own time has milliseconds only */
}

uint64_t loop_clock_ns(const struct loop *l)
{
	return loop_now_ns(l);
}

static void delete_handle(struct loop *l, void *handle)
{
	l->handles--;
	uv_close(handle, free_handle);
}

static int uv_events(unsigned events)
{
	return (events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0) |
	       (events & LOOP_ERROR ? UV_PRIORITIZED : 0);
}

static void on_io(uv_poll_t *uv, int status, int events)
{
	struct loop_io *io = uv->data;
	unsigned out = (events & UV_READABLE ? LOOP_READ : 0U) | (events & UV_WRITABLE ? LOOP_WRITE : 0U) |
		       (events & UV_PRIORITIZED ? LOOP_ERROR : 0U);
	if (status < 0)
		out |= LOOP_ERROR | LOOP_READ; /* the owner's next call on the fd tells what it is */
	io->fn(io->ctx, out);
}

int loop_io_add(struct loop *l, int fd, unsigned events, loop_io_fn *fn, void *ctx,
		struct loop_io **out)
{
	struct loop_io *io = xcalloc(1, sizeof(*io));
	int e = uv_poll_init(&l->uv, &io->uv, fd);
	if (e) {
		free(io);
		return from_uv(e);
	}
	*io = (struct loop_io){ .uv = io->uv, .loop = l, .fn = fn, .ctx = ctx };
	io->uv.data = io;
	l->handles++;
	e = loop_io_mod(io, events);
	if (e) {
		loop_io_del(io);
		return e;
	}
	*out = io;
	return 0;
}

int loop_io_mod(struct loop_io *io, unsigned events)
{
	return from_uv(events ? uv_poll_start(&io->uv, uv_events(events), on_io) : uv_poll_stop(&io->uv));
}

void loop_io_del(struct loop_io *io)
{
	if (io)
		delete_handle(io->loop, &io->uv);
}

static void on_timer(uv_timer_t *uv)
{
	struct loop_timer *t = uv->data;
	/* libuv counts whole milliseconds and may fire a fraction early. */
	if (clock_mono_ns() < t->at_ns) {
		uv_timer_start(uv, on_timer, 1, 0);
		return;
	}
	t->fn(t->ctx);
}

struct loop_timer *loop_timer_add(struct loop *l, uint64_t at_ns, loop_timer_fn *fn, void *ctx)
{
	struct loop_timer *t = xcalloc(1, sizeof(*t));
	uv_timer_init(&l->uv, &t->uv);
	t->loop = l;
	t->fn = fn;
	t->ctx = ctx;
	t->uv.data = t;
	l->handles++;
	loop_timer_set(t, at_ns);
	return t;
}

void loop_timer_set(struct loop_timer *t, uint64_t at_ns)
{
	uint64_t now = clock_mono_ns();
	uint64_t ms = at_ns > now ? (at_ns - now + NS_PER_MS - 1) / NS_PER_MS : 0;
	t->at_ns = at_ns;
	uv_update_time(&t->loop->uv);
	uv_timer_start(&t->uv, on_timer, ms, 0);
}

void loop_timer_del(struct loop_timer *t)
{
	if (t)
		delete_handle(t->loop, &t->uv);
}

static void on_signal(uv_signal_t *uv, int signum)
{
	struct loop_signal *s = uv->data;
	s->fn(s->ctx, signum);
}

int loop_signal_add(struct loop *l, int signum, loop_signal_fn *fn, void *ctx,
		    struct loop_signal **out)
{
	struct loop_signal *s = xcalloc(1, sizeof(*s));
	uv_signal_init(&l->uv, &s->uv);
	s->loop = l;
	s->fn = fn;
	s->ctx = ctx;
	s->uv.data = s;
	l->handles++;
	int e = uv_signal_start(&s->uv, on_signal, signum);
	if (e) {
		loop_signal_del(s);
		return from_uv(e);
	}
	*out = s;
	return 0;
}

void loop_signal_del(struct loop_signal *s)
{
	if (s)
		delete_handle(s->loop, &s->uv);
}
