/*
 * The gateway's DHCP server: addresses from 192.168.77.57 on for clients of the LAN, the lowest
 * free one first, so that a test sees whether an address was given back.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag/lab/inside.h"
#include "sallyport/wire/dhcp.h"

enum { FIRST = 57, LEASES = 32, LEASE_S = 3600, PREFIX = 24 };

struct dhcpd {
	int fd;
	struct addr self;
	struct lease {
		struct mac mac;
		bool taken, declined;
	} leases[LEASES];
};

static bool same_mac(const struct mac *a, const struct mac *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The client's lease, or the lowest free one; NULL when there is none. */
static struct lease *lease_of(struct dhcpd *d, const struct mac *mac)
{
	struct lease *free_one = NULL;
	for (size_t i = LEASES; i-- > 0;) {
		struct lease *l = &d->leases[i];
		if (l->taken && same_mac(&l->mac, mac))
			return l;
		if (!l->taken && !l->declined)
			free_one = l;
	}
	return free_one;
}

static struct addr address_of(const struct dhcpd *d, const struct lease *l)
{
	struct addr a = d->self;
	a.b[3] = (uint8_t)(FIRST + (l - d->leases));
	return a;
}

static void reply(const struct dhcpd *d, const struct dhcp_message *q, enum dhcp_type type,
		  const struct addr *address)
{
	static const struct endpoint everybody = {{4, {255, 255, 255, 255}}, DHCP_CLIENT_PORT};
	struct dhcp_message m = {.op = DHCP_BOOTREPLY,
				 .type = (uint8_t)type,
				 .xid = q->xid,
				 .broadcast = q->broadcast,
				 .chaddr = q->chaddr,
				 .server = d->self};
	struct sockaddr_storage ss;
	uint8_t wire[DHCP_BYTES_MAX];
	if (type != DHCP_NAK) {
		m.yiaddr = *address;
		m.lease_s = LEASE_S;
		m.prefix = PREFIX;
		m.routers = (struct dhcp_addrs){{d->self}, 1};
		m.dns = (struct dhcp_addrs){{d->self}, 1};
	}
	size_t n = dhcp_build(wire, sizeof(wire), &m);
	socklen_t len = (socklen_t)endpoint_to_sockaddr(&everybody, &ss);
	(void)sendto(d->fd, wire, n, MSG_DONTWAIT, (struct sockaddr *)&ss, len);
}

static void on_request(struct dhcpd *d, const struct dhcp_message *q, struct lease *l)
{
	struct addr own = address_of(d, l);
	if (q->server.family && !addr_equal(&q->server, &d->self))
		return; /* it chose another server */
	bool agreed = addr_equal(&q->requested, &own) || addr_equal(&q->ciaddr, &own);
	if (agreed)
		*l = (struct lease){.mac = q->chaddr, .taken = true};
	reply(d, q, agreed ? DHCP_ACK : DHCP_NAK, &own);
}

static void on_message(struct dhcpd *d, const struct dhcp_message *q)
{
	struct lease *l = lease_of(d, &q->chaddr);
	if (!l || q->op != DHCP_BOOTREQUEST)
		return;
	struct addr own = address_of(d, l);
	switch (q->type) {
	case DHCP_DISCOVER:
		reply(d, q, DHCP_OFFER, &own);
		break;
	case DHCP_REQUEST:
		on_request(d, q, l);
		break;
	case DHCP_RELEASE:
	case DHCP_DECLINE:
		if (l->taken)
			*l = (struct lease){.declined = q->type == DHCP_DECLINE};
		break;
	}
}

static void on_readable(void *ctx, unsigned events)
{
	struct dhcpd *d = ctx;
	uint8_t wire[DHCP_BYTES_MAX];
	struct dhcp_message q;
	(void)events;
	for (ssize_t n; (n = recv(d->fd, wire, sizeof(wire), MSG_DONTWAIT)) >= 0;)
		if (dhcp_parse(wire, (size_t)n, &q) == 0)
			on_message(d, &q);
}

static int lan_socket(void)
{
	const char *lan = if_nametoindex(LAB_BRIDGE) ? LAB_BRIDGE : "lan0";
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(DHCP_SERVER_PORT)};
	int one = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, lan, (socklen_t)strlen(lan) + 1) ||
	    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any))) {
		int e = -errno;
		close(fd);
		return e;
	}
	return fd;
}

static int start(struct loop *l, const struct lab_world *w)
{
	struct loop_io *io;
	int fd = lan_socket();
	if (fd < 0)
		return fd;
	struct dhcpd *d = xcalloc(1, sizeof(*d));
	d->fd = fd;
	d->self = w->resolver; /* the gateway's LAN address */
	return loop_io_add(l, fd, LOOP_READ, on_readable, d, &io);
}

const struct lab_server lab_server_dhcp = {"dhcp", LAB_SIDE_GATEWAY, start};
