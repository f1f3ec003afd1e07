/*
 * The reflector inside: what is decided about a datagram (stun.c, own.c: no socket, no clock), and
 * what carries it out (udp.c, error.c, tcp.c, server.c).
 */
#ifndef PROBES_REFLECTOR_H
#define PROBES_REFLECTOR_H

#include "rates.h"
#include "sallyport/reflector.h"
#include "sallyport/wire/reflect.h"
#include "sallyport/wire/stun.h"

enum { IP_UDP = 17, IP_TCP = 6 };

/* The two ends of a flow, as the reflector sees them. */
struct path {
	struct endpoint server, client;
};

/* What the deciding part may do. 0 or -errno; nothing of it blocks. */
struct reflector_net {
	void *ctx;
	int (*udp)(void *ctx, const struct path *p, struct bytes data);
	/* A port-unreachable that quotes a datagram of the client with this payload. */
	int (*error)(void *ctx, const struct path *p, struct bytes payload);
	/* Into the client's TCP connection; -ENOTCONN where it is not known. push: watch what becomes
	 * of it, for status. */
	int (*stream)(void *ctx, const struct path *p, struct bytes data, bool push);
	enum reflect_code (*status)(void *ctx, const struct path *p, uint32_t *ms);
};

struct reflector {
	const struct reflector_options *o;
	struct reflector_net net;
	struct reflect_keys keys;
	struct rates *rates;
	uint8_t can; /* REFLECT_CAN_* */
	struct reflector_counters n;
};

/* Times as the handlers get them: one monotonic, one in seconds for tokens. */
struct reflector_now {
	uint64_t ns;
	uint32_t s;
};

/* The other port of the list, and the other address of the family; false where there is none. */
bool reflector_other_port(const struct reflector *r, uint16_t port, uint16_t *out);
bool reflector_other_address(const struct reflector *r, const struct addr *a, struct addr *out);

/* The answer to a STUN message that came by *p, written to out, which is zeroed; its length, 0 for
 * none. *p is then the way it goes. udp: CHANGE-REQUEST and its like have a meaning. */
size_t reflector_stun(struct reflector *r, struct bytes in, struct path *p, bool udp, uint64_t now_ns,
		      uint8_t *out, size_t cap);

/* Takes one datagram of the own protocol. */
void reflector_own(struct reflector *r, struct bytes in, const struct path *p,
		   const struct reflector_now *now);
/* Takes one message of a TCP connection; false when the connection should end. */
bool reflector_own_stream(struct reflector *r, struct bytes in, const struct path *p,
			  const struct reflector_now *now);

#endif
