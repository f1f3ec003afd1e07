/* DHCP messages: what is accepted is built again to something that says the same, and a client that
 * hears it only ever ends with an address that a host can have. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sallyport/wire/dhcp_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void round_trip(const struct dhcp_message *m)
{
	static uint8_t first[4096], second[4096];
	struct dhcp_message again;
	size_t len = dhcp_build(first, sizeof(first), m);
	if (!len || dhcp_parse(first, len, &again))
		abort();
	if (dhcp_build(second, sizeof(second), &again) != len || memcmp(first, second, len) != 0)
		abort();
}

/* The message comes as the reply that the client waits for, so that it is not simply dropped. */
static void hear(struct dhcp_message m, bool nak)
{
	struct dhcp_client c;
	struct dhcp_message out = { 0 };
	m.op = DHCP_BOOTREPLY;
	dhcp_client_init(&c, &m.chaddr, m.xid, 0);
	for (uint64_t now; (now = dhcp_client_deadline(&c)) != UINT64_MAX;) {
		while (dhcp_client_step(&c, now, &out))
			round_trip(&out);
		m.xid = c.xid;
		m.type = out.type == DHCP_DISCOVER ? DHCP_OFFER : nak ? DHCP_NAK : DHCP_ACK;
		dhcp_client_receive(&c, &m, now);
	}
	if (c.end == DHCP_UNDER_WAY || (c.end == DHCP_BOUND && nak))
		abort();
	if (c.end == DHCP_BOUND && (c.lease.yiaddr.family != 4 || c.lease.yiaddr.b[0] >= 224))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dhcp_message m;
	if (dhcp_parse(p, n, &m))
		return 0;
	if (m.prefix > 32 || m.routers.n > DHCP_ADDRS_MAX || m.dns.n > DHCP_ADDRS_MAX)
		abort();
	round_trip(&m);
	hear(m, false);
	hear(m, true);
	return 0;
}
