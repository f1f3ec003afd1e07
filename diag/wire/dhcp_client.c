#include "sallyport/wire/dhcp_client.h"

#include <string.h>

#define S UINT64_C(1000000000)

enum { TRIES = 4, MAX_REFUSALS = 3 };

/* Doubling waits as RFC 2131 section 4.1 asks for, begun at 1 s as small devices do. Servers that
 * look for the address on the LAN before they offer it take up to 3 s. */
static const uint64_t schedule_ns[TRIES] = { 0, 1 * S, 3 * S, 7 * S };
#define GIVE_UP_NS (12 * S)

/* What a device asks for, and what the site may say about proxies and portals. */
static const uint8_t wanted[] = { DHCP_O_MASK, DHCP_O_ROUTERS, DHCP_O_DNS, DHCP_O_DOMAIN,
				  DHCP_O_LEASE, DHCP_O_SERVER, DHCP_O_PORTAL, DHCP_O_SEARCH,
				  DHCP_O_WPAD };
/* So that the admin who reads the list of leases knows whom this one belongs to. */
static const char host_name[] = "sallyport";

const char *const dhcp_end_names[DHCP_END_COUNT] = {
	[DHCP_UNDER_WAY] = "under-way", [DHCP_BOUND] = "bound",     [DHCP_NO_OFFER] = "no-offer",
	[DHCP_NO_ACK] = "no-ack",       [DHCP_REFUSED] = "refused",
};

static void begin_series(struct dhcp_client *c, uint64_t now_ns)
{
	c->series_ns = now_ns;
	c->tries = 0;
}

void dhcp_client_init(struct dhcp_client *c, const struct mac *mac, uint32_t xid, uint64_t now_ns)
{
	*c = (struct dhcp_client){ .mac = *mac, .xid = xid, .begin_ns = now_ns };
	begin_series(c, now_ns);
}

static struct dhcp_message message(const struct dhcp_client *c, enum dhcp_type type)
{
	return (struct dhcp_message){ .op = DHCP_BOOTREQUEST, .type = (uint8_t)type, .xid = c->xid,
				      .chaddr = c->mac };
}

static struct dhcp_message question(const struct dhcp_client *c, uint64_t now_ns)
{
	bool requesting = c->offer.yiaddr.family;
	uint64_t secs = (now_ns - c->begin_ns) / S;
	struct dhcp_message m = message(c, requesting ? DHCP_REQUEST : DHCP_DISCOVER);
	m.secs = (uint16_t)(secs < UINT16_MAX ? secs : UINT16_MAX);
	m.broadcast = true; /* an interface without an address takes no unicast */
	m.requested = c->offer.yiaddr;
	m.server = c->offer.server;
	m.max_bytes = DHCP_BYTES_MAX;
	m.wanted = dhcp_text_of(wanted, sizeof(wanted));
	m.host_name = dhcp_text_of(host_name, sizeof(host_name) - 1);
	return m;
}

bool dhcp_client_step(struct dhcp_client *c, uint64_t now_ns, struct dhcp_message *out)
{
	if (c->end != DHCP_UNDER_WAY)
		return false;
	if (now_ns >= c->series_ns + GIVE_UP_NS) {
		c->end = c->offer.yiaddr.family ? DHCP_NO_ACK : DHCP_NO_OFFER;
		return false;
	}
	if (c->tries == TRIES || now_ns < c->series_ns + schedule_ns[c->tries])
		return false;
	*out = question(c, now_ns);
	c->tries++;
	c->sent++;
	return true;
}

uint64_t dhcp_client_deadline(const struct dhcp_client *c)
{
	if (c->end != DHCP_UNDER_WAY)
		return UINT64_MAX;
	return c->series_ns + (c->tries < TRIES ? schedule_ns[c->tries] : GIVE_UP_NS);
}

/* An address a host can have: neither 0/8, loopback, multicast nor beyond. */
static bool is_host_address(const struct addr *a)
{
	enum addr_kind k = addr_kind(a);
	return a->family == 4 && k != ADDR_UNSPECIFIED && k != ADDR_LOOPBACK && a->b[0] < 224;
}

/* A new transaction, so that answers to the old one no longer count. */
static void on_nak(struct dhcp_client *c, uint64_t now_ns)
{
	if (++c->refusals == MAX_REFUSALS) {
		c->end = DHCP_REFUSED;
		return;
	}
	c->xid++;
	c->offer = (struct dhcp_message){ 0 };
	begin_series(c, now_ns);
}

void dhcp_client_receive(struct dhcp_client *c, const struct dhcp_message *m, uint64_t now_ns)
{
	if (c->end != DHCP_UNDER_WAY || m->op != DHCP_BOOTREPLY || m->xid != c->xid || !c->tries ||
	    memcmp(&m->chaddr, &c->mac, sizeof(c->mac)) != 0 || !m->server.family)
		return;
	if (!c->offer.yiaddr.family) {
		if (m->type != DHCP_OFFER || !is_host_address(&m->yiaddr))
			return;
		c->offer = *m;
		begin_series(c, now_ns);
	} else if (addr_equal(&m->server, &c->offer.server)) {
		if (m->type == DHCP_NAK)
			on_nak(c, now_ns);
		if (m->type != DHCP_ACK || !is_host_address(&m->yiaddr))
			return;
		c->lease = *m;
		c->end = DHCP_BOUND;
	}
}

struct dhcp_message dhcp_client_release(const struct dhcp_client *c)
{
	struct dhcp_message m = message(c, DHCP_RELEASE);
	m.ciaddr = c->lease.yiaddr;
	m.server = c->lease.server;
	return m;
}

struct dhcp_message dhcp_client_decline(const struct dhcp_client *c)
{
	struct dhcp_message m = message(c, DHCP_DECLINE);
	m.requested = c->lease.yiaddr;
	m.server = c->lease.server;
	return m;
}
