/* The TLS client against the lab's TLS server on loopback: good, unknown, expired, wrong, hung. */
#include "far_side.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>

#include "sallyport/clock.h"
#include "sallyport/tls_client.h"

struct meeting {
	struct loop *loop;
	struct tls_client *client;
	struct tls_result result;
	bool timed_out;
};

static void on_result(void *ctx, const struct tls_result *r)
{
	struct meeting *m = ctx;
	m->result = *r;
	loop_stop(m->loop);
}

static void on_time(void *ctx)
{
	struct meeting *m = ctx;
	m->timed_out = true;
	m->result = *tls_client_result(m->client);
	loop_stop(m->loop);
}

static int connected(const struct addr *a, uint16_t port)
{
	struct endpoint e = {*a, port};
	struct sockaddr_storage ss;
	socklen_t n = (socklen_t)endpoint_to_sockaddr(&e, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, n), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static struct meeting meet(const struct addr *a, uint16_t port, const char *sni, const char *name,
			   unsigned limit_ms)
{
	struct meeting m = {.loop = loop_new()};
	struct tls_client_opts o = {.sni = sni, .name = name};
	assert_int_equal(tls_client_start(m.loop, connected(a, port), &o, on_result, &m, &m.client),
			 0);
	struct loop_timer *t =
		loop_timer_add(m.loop, loop_now_ns(m.loop) + limit_ms * NS_PER_MS, on_time, &m);
	loop_run(m.loop);
	loop_timer_del(t);
	tls_client_close(m.client);
	assert_int_equal(loop_free(m.loop), 0);
	return m;
}

struct row {
	const char *what;
	struct lab_knobs knobs;
	const char *sni, *name;
	enum tls_end end;
	const char *verify; /* NULL: no certificate is expected */
	bool chain_ok, name_ok, undated;
	const char *issuer; /* part of it */
};

static void certificates(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"good",
		 {.tls = LAB_TLS_HONEST},
		 "api.example",
		 "api.example",
		 TLS_DONE,
		 "ok",
		 true,
		 true,
		 true,
		 "Sallyport Lab Root CA"},
		{"a control's name",
		 {.tls = LAB_TLS_HONEST},
		 "example.com",
		 "example.com",
		 TLS_DONE,
		 "ok",
		 true,
		 true,
		 true,
		 "Sallyport Lab Root CA"},
		{"no name sent",
		 {.tls = LAB_TLS_HONEST},
		 NULL,
		 "docs.example",
		 TLS_DONE,
		 "ok",
		 true,
		 true,
		 true,
		 "Sallyport Lab Root CA"},
		{"inspected",
		 {.tls = LAB_TLS_PRIVATE_CA},
		 "api.example",
		 "api.example",
		 TLS_DONE,
		 "unknown-issuer",
		 false,
		 true,
		 false,
		 "Example Corp Inspection CA"},
		{"expired",
		 {.tls = LAB_TLS_EXPIRED},
		 "api.example",
		 "api.example",
		 TLS_DONE,
		 "expired",
		 false,
		 true,
		 true,
		 "Sallyport Lab Root CA"},
		{"clock behind",
		 {.clock_offset_s = 40 * 86400},
		 "api.example",
		 "api.example",
		 TLS_DONE,
		 "not-yet-valid",
		 false,
		 true,
		 true,
		 "Sallyport Lab Root CA"},
		{"clock ahead",
		 {.clock_offset_s = -400.0 * 86400},
		 "api.example",
		 "api.example",
		 TLS_DONE,
		 "expired",
		 false,
		 true,
		 true,
		 "Sallyport Lab Root CA"},
		{"wrong name",
		 {.tls = LAB_TLS_WRONG_NAME},
		 "api.example",
		 "api.example",
		 TLS_DONE,
		 "name-mismatch",
		 true,
		 false,
		 true,
		 "Sallyport Lab Root CA"},
		{"filtered",
		 {.tls = LAB_TLS_SNI_FILTER},
		 "api.example",
		 "api.example",
		 TLS_RESET,
		 NULL,
		 false,
		 false,
		 false,
		 NULL},
		{"filter, other name",
		 {.tls = LAB_TLS_SNI_FILTER},
		 "example.com",
		 "example.com",
		 TLS_DONE,
		 "ok",
		 true,
		 true,
		 true,
		 NULL},
		{"filter, no name",
		 {.tls = LAB_TLS_SNI_FILTER},
		 NULL,
		 "api.example",
		 TLS_DONE,
		 "ok",
		 true,
		 true,
		 true,
		 NULL},
		{"alert",
		 {.tls = LAB_TLS_ALERT},
		 "api.example",
		 "api.example",
		 TLS_ALERTED,
		 NULL,
		 false,
		 false,
		 false,
		 NULL},
		{"hang",
		 {.tls = LAB_TLS_HANG},
		 "api.example",
		 "api.example",
		 TLS_PENDING,
		 NULL,
		 false,
		 false,
		 false,
		 NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *w = &rows[i];
		struct far_side f;
		print_message("%s\n", w->what);
		far_start(&f, &w->knobs);
		struct meeting m = meet(&f.world.web, far_port(1), w->sni, w->name,
					w->end == TLS_PENDING ? 300 : 5000);
		const struct tls_result *r = &m.result;
		assert_int_equal(r->end, w->end);
		assert_int_equal(m.timed_out, w->end == TLS_PENDING);
		assert_int_equal(r->has_certificate, w->verify != NULL);
		assert_int_equal(r->alert, w->end == TLS_ALERTED ? 112 : -1);
		assert_int_equal(r->server_hello, w->verify != NULL);
		if (w->verify) {
			assert_string_equal(r->verify, w->verify);
			assert_int_equal(r->chain_ok, w->chain_ok);
			assert_int_equal(r->name_ok, w->name_ok);
			assert_int_equal(r->chain_ok_undated, w->undated);
			assert_string_equal(r->version, "TLSv1.3");
			assert_true(r->not_before_us && r->not_after_us > r->not_before_us);
			assert_true(r->answered_ns >= r->started_ns);
		}
		if (w->issuer)
			assert_non_null(strstr(r->issuer, w->issuer));
		tls_client_forget_store();
		far_stop(&f);
	}
}

static void self_signed(void **state)
{
	struct far_side f;
	(void)state;
	far_start(&f, &(struct lab_knobs){.tls = LAB_TLS_HONEST});
	struct meeting m = meet(&f.world.forged, far_port(1), "api.example", "api.example", 5000);
	assert_int_equal(m.result.end, TLS_DONE);
	assert_string_equal(m.result.verify, "self-signed");
	assert_false(m.result.chain_ok);
	assert_false(m.result.name_ok);
	assert_string_equal(m.result.issuer, m.result.subject);
	tls_client_forget_store();
	far_stop(&f);
}

/* Without any trusted certificate the chain is unknown, never wrong. */
static void no_trust_store(void **state)
{
	struct far_side f;
	(void)state;
	far_start(&f, &(struct lab_knobs){.tls = LAB_TLS_HONEST});
	setenv("SSL_CERT_FILE", "/nonexistent/ca.pem", 1);
	setenv("SSL_CERT_DIR", "/nonexistent", 1);
	struct meeting m = meet(&f.world.web, far_port(1), "api.example", "api.example", 5000);
	assert_int_equal(m.result.end, TLS_DONE);
	assert_false(m.result.chain_known);
	assert_string_equal(m.result.verify, "no-trust-store");
	unsetenv("SSL_CERT_DIR");
	tls_client_forget_store();
	far_stop(&f);
}

/* A peer that is no TLS server, and one that is gone before the hello. */
static void not_tls(void **state)
{
	static const struct {
		enum lab_greeting greeting;
		enum tls_end end;
	} rows[] = {
		{LAB_GREETING_TEXT, TLS_GARBLED},   {LAB_GREETING_HTTP, TLS_GARBLED},
		{LAB_GREETING_HONEST, TLS_GARBLED}, {LAB_GREETING_TLS, TLS_ALERTED},
		{LAB_GREETING_SILENT, TLS_PENDING},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct far_side f;
		far_start(&f, &(struct lab_knobs){.greeting = rows[i].greeting});
		struct meeting m = meet(&f.world.cloud_tcp, far_port(0), "api.example",
					"api.example", rows[i].end == TLS_PENDING ? 200 : 5000);
		assert_int_equal(m.result.end, rows[i].end);
		assert_false(m.result.has_certificate);
		tls_client_forget_store();
		far_stop(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates),
		cmocka_unit_test(self_signed),
		cmocka_unit_test(no_trust_store),
		cmocka_unit_test(not_tls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
