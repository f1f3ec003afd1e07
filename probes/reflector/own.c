/*
 * The own protocol: what a message is answered with. The rules are those of wire/reflect.h; the
 * reflector remembers nothing between two messages except the rates and the window of seen pokes.
 */
#include "reflector.h"

#include <errno.h>

/* One message on its way through. */
struct turn {
	struct reflector *r;
	const struct reflector_now *now;
	const struct path *p;
	uint8_t family, transport;
	size_t paid; /* IP bytes that came in */
	struct reflect_message m;
	struct path control; /* where the token says that its control flow is */
	uint64_t nonce;
};

static int send_to(const struct turn *t, const struct path *p, const struct reflect_message *m)
{
	uint8_t wire[REFLECT_MAX];
	size_t n = reflect_build(wire, sizeof(wire), t->family, m);
	return t->r->net.udp(t->r->net.ctx, p, (struct bytes){ wire, n });
}

static struct reflect_message answer(const struct turn *t, enum reflect_type type)
{
	return (struct reflect_message){ .type = type, .epoch = t->r->keys.epoch, .id = t->m.id };
}

static void poked(const struct turn *t, enum reflect_code code, uint32_t value)
{
	struct reflect_message a = answer(t, REFLECT_POKED);
	a.code = code;
	a.value = value;
	(void)send_to(t, t->p, &a);
}

static bool allowed(const struct turn *t, enum rate_class class)
{
	bool yes = rates_allow(t->r->rates, class, &t->p->client.addr, t->now->ns);
	t->r->n.over_rate += !yes;
	return yes;
}

static void hello(struct turn *t)
{
	struct reflector *r = t->r;
	struct reflect_binding b = { IP_UDP, t->p->client, t->p->server, t->m.nonce, t->now->s };
	struct reflect_message a = answer(t, REFLECT_WELCOME);
	a.seen = t->p->client;
	a.flags = r->can;
	if (!allowed(t, RATE_HELLO) || reflect_token_make(&r->keys, &b, &a.token))
		return;
	if (r->o->shared_key.n && reflect_token_mask(r->o->shared_key, a.id, &a.seen, &a.token))
		return;
	r->n.hellos++;
	(void)send_to(t, t->p, &a);
}

/* Also finds where the control flow is. */
static enum reflect_code check_token(struct turn *t)
{
	struct reflect_binding b = { .client.addr = t->p->client.addr, .server.addr = t->p->server.addr };
	enum reflect_code code = t->m.epoch != t->r->keys.epoch
		? REFLECT_RESTARTED : reflect_token_check(&t->r->keys, &t->m.token, t->now->s, &b);
	t->control = (struct path){ .server = b.server, .client = b.client };
	t->nonce = b.nonce;
	t->r->n.bad_tokens += code != REFLECT_DONE;
	return code;
}

static void notice(const struct turn *t)
{
	struct reflect_binding b = { t->transport, t->p->client, t->p->server, t->nonce, t->now->s };
	struct reflect_message a = answer(t, REFLECT_NOTICE);
	a.seen = t->p->client;
	a.server_port = t->p->server.port;
	if (reflect_handle_make(&t->r->keys, &b, &a.handle) == 0)
		(void)send_to(t, &t->control, &a);
}

static void echo(const struct turn *t)
{
	uint8_t wire[REFLECT_MAX];
	struct reflect_message a = answer(t, REFLECT_ECHO);
	a.seen = t->p->client;
	if (t->transport == IP_UDP) {
		(void)send_to(t, t->p, &a);
		return;
	}
	size_t n = reflect_build(wire, sizeof(wire), t->family, &a);
	(void)t->r->net.stream(t->r->net.ctx, t->p, (struct bytes){ wire, n }, false);
}

/* A bad registration is met with silence: an answer would change the mapping's state. */
static bool registration(struct turn *t)
{
	bool tells = t->m.flags & REFLECT_WANT_NOTICE, echoes = t->m.flags & REFLECT_WANT_ECHO;
	size_t longer = t->transport == IP_UDP ? 0 : t->family == 4 ? REFLECT_TCP4 - REFLECT_UDP4
								     : REFLECT_TCP6 - REFLECT_UDP6;
	size_t cost = (tells ? reflect_ip_bytes(REFLECT_NOTICE, t->family) : 0) +
		      (echoes ? reflect_ip_bytes(REFLECT_ECHO, t->family) + longer : 0);
	if (check_token(t) != REFLECT_DONE || cost > t->paid)
		return false;
	t->r->n.registers++;
	if (tells)
		notice(t);
	if (echoes)
		echo(t);
	return true;
}

static enum reflect_code sent(int e)
{
	return e == -ENOTCONN ? REFLECT_GONE : e ? REFLECT_NOT_SENT : REFLECT_DONE;
}

/* Touches the mapping at p as the poke says. */
static enum reflect_code touch(const struct turn *t, struct path p, uint32_t *value)
{
	const struct reflector_net *net = &t->r->net;
	uint8_t wire[REFLECT_MAX];
	struct reflect_message probe = answer(t, REFLECT_PROBE);
	probe.kind = t->m.kind;
	struct bytes b = { wire, reflect_build(wire, sizeof(wire), t->family, &probe) };
	switch (t->m.kind) {
	case REFLECT_STATUS: return net->status(net->ctx, &p, value);
	case REFLECT_PUSH: return sent(net->stream(net->ctx, &p, b, true));
	case REFLECT_BY_ERROR:
		return t->r->can & REFLECT_CAN_ERROR ? sent(net->error(net->ctx, &p, b)) : REFLECT_CANNOT;
	case REFLECT_FROM_OTHER_PORT:
		if (!reflector_other_port(t->r, p.server.port, &p.server.port))
			return REFLECT_CANNOT;
		break;
	case REFLECT_FROM_OTHER_ADDRESS:
		if (!reflector_other_address(t->r, &p.server.addr, &p.server.addr))
			return REFLECT_CANNOT;
		break;
	default: break;
	}
	return sent(net->udp(net->ctx, &p, b));
}

/* The poke of a client that has proved itself. */
static void poke_mapping(const struct turn *t)
{
	struct reflector *r = t->r;
	bool tcp = t->m.kind == REFLECT_PUSH || t->m.kind == REFLECT_STATUS;
	struct reflect_binding b = { .transport = tcp ? IP_TCP : IP_UDP, .nonce = t->nonce,
				     .client.addr = t->p->client.addr, .server.addr = t->p->server.addr };
	size_t cost = reflect_ip_bytes(REFLECT_POKED, t->family) +
		      reflect_probe_ip_bytes(t->m.kind, t->family);
	uint32_t value = 0;
	if (!allowed(t, RATE_POKE))
		return;
	enum reflect_code code = reflect_handle_check(&r->keys, &t->m.handle, t->now->s, &b);
	if (code == REFLECT_DONE && cost > t->paid)
		code = REFLECT_TOO_SHORT;
	if (code == REFLECT_DONE && !rates_first_time(r->rates, &t->p->client, t->m.id)) {
		r->n.replays++; /* and silence: whoever sent it first has had its answer */
		return;
	}
	if (code == REFLECT_DONE)
		code = touch(t, (struct path){ b.server, b.client }, &value);
	if (code == REFLECT_DONE || code >= REFLECT_ACKNOWLEDGED)
		r->n.pokes++;
	else
		r->n.pokes_refused++;
	poked(t, code, value);
}

/* A wrong token proves nothing about who sent it: the answer then counts as one to a HELLO. */
static void poke(struct turn *t)
{
	enum reflect_code code = check_token(t);
	if (code == REFLECT_DONE && (t->control.client.port != t->p->client.port ||
				     t->control.server.port != t->p->server.port)) {
		t->r->n.bad_tokens++;
		code = REFLECT_TOKEN_WRONG;
	}
	if (code == REFLECT_DONE)
		poke_mapping(t);
	else if (allowed(t, RATE_HELLO))
		poked(t, code, 0);
}

static bool begin(struct turn *t, struct bytes in)
{
	t->family = t->p->client.addr.family;
	if (reflect_parse(in.p, in.n, &t->m)) {
		t->r->n.foreign++;
		return false;
	}
	return allowed(t, RATE_MESSAGE);
}

void reflector_own(struct reflector *r, struct bytes in, const struct path *p,
		   const struct reflector_now *now)
{
	struct turn t = { .r = r, .now = now, .p = p, .transport = IP_UDP };
	if (!begin(&t, in))
		return;
	t.paid = (t.family == 4 ? REFLECT_UDP4 : REFLECT_UDP6) + in.n;
	switch (t.m.type) {
	case REFLECT_HELLO: hello(&t); break;
	case REFLECT_REGISTER: (void)registration(&t); break;
	case REFLECT_POKE: poke(&t); break;
	default: r->n.foreign++; /* only the reflector says such things */
	}
}

bool reflector_own_stream(struct reflector *r, struct bytes in, const struct path *p,
			  const struct reflector_now *now)
{
	struct turn t = { .r = r, .now = now, .p = p, .transport = IP_TCP };
	if (!begin(&t, in))
		return false;
	t.paid = (t.family == 4 ? REFLECT_TCP4 : REFLECT_TCP6) + in.n;
	return t.m.type == REFLECT_REGISTER && registration(&t);
}
