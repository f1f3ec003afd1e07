/*
 * The lab's own TCP servers on loopback, in a child process, with a small profile made by hand.
 * Promises: when far_start() returns they listen; far_stop() ends the child and removes its files.
 */
#ifndef SALLYPORT_TESTS_FAR_SIDE_H
#define SALLYPORT_TESTS_FAR_SIDE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "diag/lab/pki.h"
#include "sallyport/lab.h"
#include "sallyport/loop.h"

extern const struct lab_server lab_server_greeting, lab_server_tls, lab_server_http;

struct far_side {
	struct profile profile;
	struct lab_world world;
	pid_t child;
	char page_url[2][80];
	uint16_t closed_port;
};

/* Ports of this process: tests may run side by side. */
static uint16_t far_port(unsigned which)
{
	return (uint16_t)(20000 + ((unsigned)getpid() * 4 + which) % 12000);
}

static void far_profile(struct far_side *f)
{
	struct profile *p = &f->profile;
	*p = (struct profile){.name = "test", .n_targets = 5};
	p->control_names = (struct text_list){{"example.com", "example.net"}, 2};
	p->targets[0] = (struct profile_target){.check = "tcp5683",
						.probe = "tcp-greeting",
						.name = "device.example",
						.port = far_port(0),
						.transport = TRANSPORT_TCP,
						.families = FAMILY_4,
						.greeting_bytes = 40,
						.operator= "Example" };
	for (unsigned i = 1; i < 3; i++)
		p->targets[i] =
			(struct profile_target){.check = "tcp443",
						.probe = "tls",
						.name = i == 1 ? "api.example" : "docs.example",
						.port = far_port(1),
						.families = FAMILY_4,
						.transport = TRANSPORT_TCP};
	for (unsigned i = 0; i < 2; i++)
		snprintf(f->page_url[i], sizeof(f->page_url[i]), "http://page%u.example:%u/check",
			 i, far_port(2));
	p->targets[3] = (struct profile_target){.check = "portal",
						.probe = "http",
						.port = far_port(2),
						.url = f->page_url[0],
						.expect_status = 204,
						.families = FAMILY_4};
	p->targets[4] = (struct profile_target){.check = "portal",
						.probe = "http",
						.port = far_port(2),
						.url = f->page_url[1],
						.expect_status = 200,
						.expect_body = "success",
						.families = FAMILY_4};
	f->closed_port = far_port(3);
}

static int far_serve(const struct far_side *f, int ready)
{
	struct loop *l = loop_new();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int e = lab_server_greeting.start(l, &f->world);
	e = e ? e : lab_server_tls.start(l, &f->world);
	e = e ? e : lab_server_http.start(l, &f->world);
	if (write(ready, &e, sizeof(e)) != sizeof(e) || e)
		return 1;
	loop_run(l);
	return 0;
}

static void far_start(struct far_side *f, const struct lab_knobs *knobs)
{
	int ready[2], e = -1;
	char ca[128];
	memset(f, 0, sizeof(*f));
	far_profile(f);
	f->world.profile = &f->profile;
	f->world.knobs = *knobs;
	f->world.cloud_tcp = addr_v4(127, 0, 0, 11);
	f->world.web = addr_v4(127, 0, 0, 20);
	f->world.portal = addr_v4(127, 0, 0, 40);
	f->world.other = addr_v4(127, 0, 0, 50);
	f->world.forged = addr_v4(127, 0, 0, 66);
	snprintf(f->world.dir, sizeof(f->world.dir), "/tmp/sallyport-far-XXXXXX");
	assert_non_null(mkdtemp(f->world.dir));
	struct sp_error err = {.line = 0};
	if (lab_pki_make(&f->world, &err))
		fail_msg("%s", err.text);
	setenv("SSL_CERT_FILE", lab_pki_ca_path(&f->world, ca, sizeof(ca)), 1);
	assert_int_equal(pipe(ready), 0);
	f->child = fork();
	assert_true(f->child >= 0);
	if (!f->child)
		_exit(far_serve(f, ready[1]));
	close(ready[1]);
	assert_int_equal(read(ready[0], &e, sizeof(e)), sizeof(e));
	close(ready[0]);
	assert_int_equal(e, 0);
}

static void far_stop(struct far_side *f)
{
	char path[160];
	int status;
	assert_int_equal(waitpid(f->child, &status, WNOHANG), 0); /* it has survived its clients */
	kill(f->child, SIGKILL);
	waitpid(f->child, &status, 0);
	unlink(lab_pki_ca_path(&f->world, path, sizeof(path)));
	for (int i = 0; i < LAB_CERT_COUNT; i++)
		unlink(lab_pki_cert_path(&f->world, (enum lab_cert)i, path, sizeof(path)));
	assert_int_equal(rmdir(f->world.dir), 0);
	unsetenv("SSL_CERT_FILE");
}

#endif
