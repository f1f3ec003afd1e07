/* The loop: order and time of timers, what may be deleted when, descriptors used again, signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sallyport/clock.h"
#include "sallyport/loop.h"

enum { MAX_TIMERS = 4 };

static struct loop *l;
static char told[32]; /* a letter for each callback, in order */
static struct loop_timer *timers[MAX_TIMERS];

static void tell(char c)
{
	size_t n = strlen(told);
	assert_true(n + 1 < sizeof(told));
	told[n] = c;
}

static int setup(void **state)
{
	(void)state;
	l = loop_new();
	memset(told, 0, sizeof(told));
	memset(timers, 0, sizeof(timers));
	return l ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(loop_free(l), 0); /* every test deletes what it made */
	return 0;
}

static uint64_t in_ms(unsigned ms)
{
	return loop_now_ns(l) + ms * NS_PER_MS;
}

/* ---- timers ---- */
struct alarm {
	char name;
	uint64_t at_ns;
	unsigned slot;
};

static void on_alarm(void *ctx)
{
	struct alarm *a = ctx;
	assert_true(clock_mono_ns() >= a->at_ns); /* never early, not by a fraction */
	tell(a->name);
	loop_timer_del(timers[a->slot]); /* itself */
	timers[a->slot] = NULL;
}

static void timers_come_in_the_order_of_their_times(void **state)
{
	static struct alarm a[MAX_TIMERS] = {{'c', 0, 0}, {'a', 0, 1}, {'d', 0, 2}, {'b', 0, 3}};
	static const unsigned ms[MAX_TIMERS] = {6, 0, 9, 3};
	(void)state;
	for (unsigned i = 0; i < MAX_TIMERS; i++) {
		a[i].at_ns = in_ms(ms[i]);
		timers[i] = loop_timer_add(l, a[i].at_ns, on_alarm, &a[i]);
	}
	loop_run(l);
	assert_string_equal(told, "abcd");
}

static void a_time_that_has_passed_comes_at_once(void **state)
{
	static struct alarm past = {'p', 0, 0}, later = {'l', 0, 1};
	(void)state;
	later.at_ns = in_ms(2);
	timers[1] = loop_timer_add(l, later.at_ns, on_alarm, &later);
	timers[0] = loop_timer_add(l, 0, on_alarm, &past);
	loop_run(l);
	assert_string_equal(told, "pl");
}

static void on_again(void *ctx)
{
	unsigned *left = ctx;
	tell('r');
	if (--*left)
		loop_timer_set(timers[0], in_ms(1));
	else
		loop_timer_del(timers[0]);
}

static void a_timer_may_be_set_again(void **state)
{
	unsigned left = 3;
	(void)state;
	timers[0] = loop_timer_add(l, 0, on_again, &left);
	loop_run(l);
	assert_string_equal(told, "rrr");
}

static void on_killer(void *ctx)
{
	(void)ctx;
	tell('k');
	for (unsigned i = 0; i < MAX_TIMERS; i++)
		loop_timer_del(timers[i]);
}

/* All of them are due in the same turn. */
static void a_deleted_timer_never_comes(void **state)
{
	static struct alarm dead = {'x', 0, 1};
	(void)state;
	timers[0] = loop_timer_add(l, 0, on_killer, NULL);
	for (unsigned i = 1; i < MAX_TIMERS; i++)
		timers[i] = loop_timer_add(l, 0, on_alarm, &dead);
	loop_run(l);
	assert_string_equal(told, "k");
}

static void on_stop(void *ctx)
{
	(void)ctx;
	tell('s');
	loop_stop(l);
}

static void a_stopped_loop_goes_on_where_it_was(void **state)
{
	static struct alarm later = {'l', 0, 1};
	(void)state;
	timers[0] = loop_timer_add(l, 0, on_stop, NULL);
	later.at_ns = in_ms(1);
	timers[1] = loop_timer_add(l, later.at_ns, on_alarm, &later);
	loop_run(l);
	assert_string_equal(told, "s");
	loop_timer_del(timers[0]);
	loop_run(l);
	assert_string_equal(told, "sl");
}

static void what_is_forgotten_is_counted(void **state)
{
	struct loop *other = loop_new();
	struct loop_io *io;
	struct loop_signal *sig;
	int fds[2];
	(void)state;
	assert_int_equal(pipe(fds), 0);
	loop_timer_add(other, UINT64_MAX / 2, on_stop, NULL);
	assert_int_equal(loop_io_add(other, fds[0], LOOP_READ, NULL, NULL, &io), 0);
	assert_int_equal(loop_signal_add(other, SIGWINCH, NULL, NULL, &sig), 0);
	assert_int_equal(loop_free(other), 3);
	assert_int_equal(loop_free(NULL), 0);
	close(fds[0]), close(fds[1]);
}

/* ---- descriptors ---- */
struct end {
	char name;
	int fds[2];
	struct loop_io *io;
	struct end *victim; /* deleted by this one's callback */
};

static void open_end(struct end *e, char name, loop_io_fn *fn)
{
	*e = (struct end){.name = name};
	assert_int_equal(pipe(e->fds), 0);
	assert_int_equal(loop_io_add(l, e->fds[0], LOOP_READ, fn, e, &e->io), 0);
}

static void write_end(struct end *e)
{
	assert_int_equal(write(e->fds[1], "x", 1), 1);
}

static void close_end(struct end *e)
{
	loop_io_del(e->io);
	e->io = NULL;
	close(e->fds[0]), close(e->fds[1]);
}

static void on_end(void *ctx, unsigned events)
{
	struct end *e = ctx;
	char c;
	assert_true(events & LOOP_READ);
	assert_int_equal(read(e->fds[0], &c, 1), 1);
	tell(e->name);
	close_end(e);
	if (e->victim && e->victim->io)
		close_end(e->victim);
}

static void readable_and_gone(void **state)
{
	struct end a;
	(void)state;
	open_end(&a, 'a', on_end);
	write_end(&a);
	loop_run(l);
	assert_string_equal(told, "a");
}

/* Both are readable in the same turn; whoever comes first takes the other away. */
static void a_deleted_descriptor_never_comes(void **state)
{
	struct end a, b;
	(void)state;
	open_end(&a, 'a', on_end);
	open_end(&b, 'b', on_end);
	a.victim = &b, b.victim = &a;
	write_end(&a);
	write_end(&b);
	loop_run(l);
	assert_int_equal(strlen(told), 1);
}

static struct end second;

static void on_first(void *ctx, unsigned events)
{
	struct end *first = ctx;
	int was = first->fds[0];
	(void)events;
	tell('1');
	close_end(first);
	open_end(&second, '2', on_end);
	assert_int_equal(second.fds[0], was); /* the kernel gives the lowest free number */
	write_end(&second);
}

static void a_number_may_be_used_again_at_once(void **state)
{
	struct end first;
	(void)state;
	open_end(&first, '1', on_first);
	write_end(&first);
	loop_run(l);
	assert_string_equal(told, "12");
}

static void on_pause(void *ctx)
{
	struct end *e = ctx;
	tell('t');
	assert_int_equal(loop_io_mod(e->io, LOOP_READ), 0);
	loop_timer_del(timers[0]);
}

static void a_descriptor_may_be_paused(void **state)
{
	struct end a;
	(void)state;
	open_end(&a, 'a', on_end);
	assert_int_equal(loop_io_mod(a.io, 0), 0);
	write_end(&a);
	timers[0] = loop_timer_add(l, in_ms(2), on_pause, &a);
	loop_run(l);
	assert_string_equal(told, "ta");
}

static void a_descriptor_that_is_none(void **state)
{
	struct loop_io *io;
	(void)state;
	assert_true(loop_io_add(l, -1, LOOP_READ, on_end, NULL, &io) < 0);
}

/* ---- signals ---- */
static struct loop_signal *signals[2];

static void on_signal(void *ctx, int signum)
{
	unsigned *which = ctx;
	assert_int_equal(signum, SIGWINCH);
	tell((char)('0' + *which));
	loop_signal_del(signals[*which]);
}

static void signals_come_from_the_loop(void **state)
{
	static unsigned which[2] = {0, 1};
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(loop_signal_add(l, SIGWINCH, on_signal, &which[i], &signals[i]), 0);
	assert_int_equal(raise(SIGWINCH), 0);
	assert_string_equal(told, ""); /* not from the handler */
	loop_run(l);
	assert_int_equal(strlen(told), 2);
	assert_non_null(strchr(told, '0'));
	assert_non_null(strchr(told, '1'));
	raise(SIGWINCH); /* nobody listens any more, and nothing happens */
	loop_run(l);
	assert_int_equal(strlen(told), 2);
}

static void a_signal_that_cannot_be_caught(void **state)
{
	struct loop_signal *s;
	(void)state;
	assert_true(loop_signal_add(l, SIGKILL, on_signal, NULL, &s) < 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timers_come_in_the_order_of_their_times),
		TEST(a_time_that_has_passed_comes_at_once),
		TEST(a_timer_may_be_set_again),
		TEST(a_deleted_timer_never_comes),
		TEST(a_stopped_loop_goes_on_where_it_was),
		TEST(what_is_forgotten_is_counted),
		TEST(readable_and_gone),
		TEST(a_deleted_descriptor_never_comes),
		TEST(a_number_may_be_used_again_at_once),
		TEST(a_descriptor_may_be_paused),
		TEST(a_descriptor_that_is_none),
		TEST(signals_come_from_the_loop),
		TEST(a_signal_that_cannot_be_caught),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
