/* `reflector`: the far-side server, until a signal ends it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sallyport/clock.h"
#include "sallyport/crypto.h"
#include "sallyport/reflector.h"
#include "ui/commands/commands.h"

/* clang-format off */
static const char reflector_help[] =
	"On a host outside, as an ordinary user, with UDP and TCP 3478 and 5684 open to it:\n"
	"\n"
	"  sallyport reflector\n"
	"\n"
	"STUN clients can use it from then on; sallyport's own measuring end is not built yet. It\n"
	"runs until SIGTERM or SIGINT and then says in one line what it did; -v says so every minute. Without --listen it\n"
	"answers on every address; ports below 1024 need CAP_NET_BIND_SERVICE. With CAP_NET_RAW it can\n"
	"also test a mapping without refreshing it; both are given up once its sockets are open.\n"
	"\n"
	"It is a STUN server too (RFC 8489), with --rfc5780 one for NAT behaviour tests:\n"
	"\n"
	"  sallyport reflector --rfc5780 --listen 192.0.2.1 --listen 192.0.2.2\n"
	"\n"
	"It keeps no list of clients, uses less than 10 MiB whatever arrives, answers each STUN\n"
	"request with one small datagram, and in its own protocol sends nobody more than came from\n"
	"there. `systemctl enable --now sallyport-reflector` runs it as a service.";
/* clang-format on */

static void note(const char *line)
{
	fprintf(stderr, "reflector: %s\n", line);
}

static int read_addresses(const struct text_list *list, struct reflector_options *o)
{
	for (size_t i = 0; i < list->n; i++) {
		struct addr a;
		if (addr_parse(list->v[i], &a))
			return command_fail(SP_EXIT_USAGE, "--listen: '%s' is not an address", list->v[i]);
		for (unsigned k = 0; k < o->n_addresses; k++)
			if (addr_equal(&a, &o->addresses[k]))
				return command_fail(SP_EXIT_USAGE, "--listen: '%s' is given twice", list->v[i]);
		o->addresses[o->n_addresses++] = a;
	}
	return 0;
}

static int read_ports(const struct text_list *list, struct reflector_options *o)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *s = list->v[i];
		bool digits = *s && s[strspn(s, "0123456789")] == '\0' && strlen(s) <= 5;
		unsigned long port = digits ? strtoul(s, NULL, 10) : 0;
		if (port < 1 || port > UINT16_MAX)
			return command_fail(SP_EXIT_USAGE, "--port: '%s' is not a number from 1 to 65535", s);
		for (unsigned k = 0; k < o->n_ports; k++)
			if (o->ports[k] == port)
				return command_fail(SP_EXIT_USAGE, "--port: %lu is given twice", port);
		o->ports[o->n_ports++] = (uint16_t)port;
	}
	return 0;
}

static int read_secret(const char *path, uint8_t *room, struct bytes *out)
{
	struct sp_error err = { 0 };
	size_t n = 0;
	int e = *path ? crypto_load_secret(path, REFLECTOR_SECRET_MIN, room, CRYPTO_SECRET_MAX, &n, &err) : 0;
	*out = (struct bytes){ room, n };
	return e ? command_error(e, &err) : 0;
}

static bool has_pair(const struct reflector_options *o)
{
	unsigned n[2] = { 0, 0 };
	for (unsigned i = 0; i < o->n_addresses; i++)
		n[o->addresses[i].family == 6]++;
	return o->n_ports > 1 && (n[0] > 1 || n[1] > 1);
}

_Static_assert((int)REFLECTOR_MAX_ADDRESSES >= PROFILE_MAX_LIST &&
	       (int)REFLECTOR_MAX_PORTS >= PROFILE_MAX_LIST,
	       "every item of a list has room");

static int run(struct command_ctx *c)
{
	const struct settings *s = &c->settings;
	uint8_t rooms[2][CRYPTO_SECRET_MAX];
	struct reflector_options o = {
		.ipv4_only = s->ipv4, .ipv6_only = s->ipv6, .rfc5780 = s->rfc5780,
		.stun_rate = s->stun_rate, .note = s->verbose ? note : NULL,
	};
	int code = command_operands(c, 0, 0);
	code = code ? code : read_addresses(&s->listen, &o);
	code = code ? code : read_ports(&s->ports, &o);
	code = code ? code : read_secret(s->shared_key, rooms[0], &o.shared_key);
	code = code ? code : read_secret(s->secret, rooms[1], &o.secret);
	if (code)
		return code;
	if (o.rfc5780 && !has_pair(&o))
		return command_fail(SP_EXIT_USAGE, "--rfc5780 needs two --listen addresses of one family, and "
				    "two ports");
	struct reflector_counters n = { 0 };
	struct sp_error err = { 0 };
	char line[REFLECTOR_SUMMARY];
	int e = reflector_run(&o, &n, &err);
	explicit_bzero(rooms, sizeof(rooms));
	if (e)
		return command_error(e, &err);
	if (!s->quiet)
		note(reflector_summary(&n, clock_mono_ns(), line));
	return SP_EXIT_WORKS;
}

const struct command reflector_command = {
	.name = "reflector",
	.operands = "",
	.summary = "be the far side: a STUN server, and the far end of NAT tests",
	.help = reflector_help,
	.run = run,
	.flags = "ipv4,ipv6," COMMAND_REFLECTOR_FLAGS "," COMMAND_TALK_FLAGS,
};
