/*
 * The steps of moving in, in order; whatever fails takes away what was made. Namespaces are left
 * by ending the process: there is no child that could stay behind.
 */
#include "sallyport/as_client.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "client_dhcp.h"
#include "netinfo_client.h"
#include "sallyport/arena.h"
#include "sallyport/clock.h"
#include "sallyport/crypto.h"
#include "sallyport/netinfo.h"
#include "sallyport/text.h"

/* Listening and learning of a new port take twice 15 s with spanning tree (IEEE 802.1D). A macvlan
 * has the carrier of the interface below at once, or not at all. */
#define PORT_NS (33 * NS_PER_S)
#define MACVLAN_NS (2 * NS_PER_S)
#define RELEASE_NS (500 * NS_PER_MS)

struct as_client {
	struct client_link *link;
	struct client_wait wait;
	struct host_facts beside; /* a macvlan's lower interface: its host cannot be reached */
	char name[16];
	int fd; /* DHCP; -1: none */
	struct dhcp_client dhcp;
	struct as_client_address address;
	struct as_client_facts facts;
};

/* ---- --client-address ------------------------------------------------------------------------- */

static bool is_host_v4(const struct addr *a)
{
	enum addr_kind k = addr_kind(a);
	return a->family == 4 && k != ADDR_UNSPECIFIED && k != ADDR_LOOPBACK && a->b[0] < 224;
}

/* The next word up to a comma; false when there is none. *text becomes NULL behind the last. */
static bool next_word(const char **text, char out[ADDR_STRLEN + 4])
{
	if (!*text)
		return false;
	size_t n = strcspn(*text, ",");
	text_copy(out, n < ADDR_STRLEN + 3 ? n + 1 : ADDR_STRLEN + 4, *text);
	*text = (*text)[n] ? *text + n + 1 : NULL;
	return true;
}

static bool parse_own(char *word, struct as_client_address *out)
{
	char *slash = strchr(word, '/'), *end;
	if (!slash)
		return false;
	*slash = '\0';
	unsigned long prefix = strtoul(slash + 1, &end, 10);
	out->prefix = (unsigned)prefix;
	return slash[1] >= '0' && slash[1] <= '9' && !*end && prefix >= 1 && prefix <= 32 &&
	       addr_parse(word, &out->address) == 0 && is_host_v4(&out->address);
}

int as_client_parse(const char *text, struct as_client_address *out, struct sp_error *err)
{
	struct as_client_address a = { .n_dns = 0 };
	const char *rest = text;
	char word[ADDR_STRLEN + 4];
	bool ok = next_word(&rest, word) && parse_own(word, &a);
	for (unsigned i = 0; ok && next_word(&rest, word); i++) {
		struct addr *at = i == 0 ? &a.gateway : &a.dns[a.n_dns];
		ok = a.n_dns < AS_CLIENT_DNS && addr_parse(word, at) == 0 && is_host_v4(at);
		a.n_dns += ok && i > 0;
	}
	if (!ok)
		return sp_error_set(err, SP_E_USAGE, "'%.64s' is not ADDR/PREFIX[,GATEWAY[,DNS...]] of IPv4 "
				    "addresses", text);
	*out = a;
	return 0;
}

/* ---- the namespace ---------------------------------------------------------------------------- */

/* A new namespace starts with the host's values. One that cannot be written must have the right
 * value already; one that is not there needs none. */
static int set_sysctl(const char *path, char value, struct sp_error *err)
{
	char now = value;
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool missing = fd < 0 && errno == ENOENT, done = fd >= 0 && write(fd, &value, 1) == 1;
	if (fd >= 0)
		close(fd);
	if (missing || done)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	bool same = fd >= 0 && read(fd, &now, 1) == 1 && now == value;
	if (fd >= 0)
		close(fd);
	return same ? 0 : sp_error_set(err, SP_E_DENIED, "%s cannot be written", path);
}

static int set_sysctls(struct sp_error *err)
{
	static const struct {
		const char *path;
		char value;
	} rows[] = {
		/* an interface without an address would take no broadcast otherwise */
		{ "/proc/sys/net/ipv4/conf/all/rp_filter", '0' },
		{ "/proc/sys/net/ipv4/conf/default/rp_filter", '0' },
		{ "/proc/sys/net/ipv4/ip_forward", '0' },
		/* what comes by router advertisement would depend on how soon it comes */
		{ "/proc/sys/net/ipv6/conf/all/disable_ipv6", '1' },
		{ "/proc/sys/net/ipv6/conf/default/disable_ipv6", '1' },
	};
	int e = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && !e; i++)
		e = set_sysctl(rows[i].path, rows[i].value, err);
	return e;
}

static int move_in(struct sp_error *err)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS)) {
		int e = errno;
		return e == EPERM ? sp_error_set(err, SP_E_DENIED, "--as-client needs root (CAP_SYS_ADMIN and "
						 "CAP_NET_ADMIN) to make a client with an address of its own")
				  : sp_error_set(err, -e, "no network namespace: %s", strerror(e));
	}
	/* /sys/class/net shows the namespace of whoever mounted it. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		(void)mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	return set_sysctls(err);
}

/* ---- a macvlan and its host ------------------------------------------------------------------- */

static bool is_own(const struct as_client *c, const struct addr *a)
{
	for (size_t i = 0; a->family && i < c->beside.n_addrs; i++)
		if (addr_equal(&c->beside.addrs[i].addr, a))
			return true;
	return false;
}

static int out_of_reach(const struct as_client *c, struct sp_error *err)
{
	return sp_error_set(err, SP_E_MISSING, "%s is no bridge and this host itself routes for its LAN: a "
			    "client beside %s never reaches its own host; make %s a port of a bridge",
			    c->name, c->name, c->name);
}

/* A host that forwards and has no way out by that interface has the LAN's gateway in itself. */
static int look_beside(struct as_client *c, struct sp_error *err)
{
	if (client_link_on_bridge(c->link))
		return 0;
	int e = netinfo_read(c->name, &c->beside, err);
	if (e)
		return e;
	bool routes = netinfo_ip_forward() && !c->beside.route4 && host_source(&c->beside, 4).family;
	return routes ? out_of_reach(c, err) : 0;
}

/* ---- the address ------------------------------------------------------------------------------ */

/* The prefix of the address's class, where the server names no mask (RFC 950). */
static unsigned natural_prefix(const struct addr *a)
{
	return a->b[0] < 128 ? 8 : a->b[0] < 192 ? 16 : 24;
}

static void take_lease(struct as_client *c)
{
	const struct dhcp_message *m = &c->dhcp.lease;
	struct as_client_address *a = &c->address;
	*a = (struct as_client_address){ .address = m->yiaddr, .prefix = m->prefix };
	if (!a->prefix)
		a->prefix = natural_prefix(&m->yiaddr);
	if (m->routers.n)
		a->gateway = m->routers.v[0];
	for (unsigned i = 0; i < m->dns.n && i < AS_CLIENT_DNS; i++)
		a->dns[a->n_dns++] = m->dns.v[i];
	c->facts.server = m->server;
	c->facts.lease_s = m->lease_s;
}

static int ask_dhcp(struct as_client *c, const struct mac *mac, struct sp_error *err)
{
	uint32_t xid = 0;
	c->fd = client_dhcp_socket();
	if (c->fd < 0 || crypto_random(&xid, sizeof(xid)))
		return sp_error_set(err, SP_E_LIBRARY, "no socket for DHCP");
	uint64_t begin = clock_mono_ns();
	dhcp_client_init(&c->dhcp, mac, xid, begin);
	int e = client_dhcp_run(&c->wait, c->fd, &c->dhcp, &c->facts.bytes);
	if (e)
		return e == -EINTR ? e : sp_error_set(err, e, "DHCP on %s: %s", c->name, sp_strerror(e));
	c->facts.packets = c->dhcp.sent;
	c->facts.waited_ms = (uint32_t)((clock_mono_ns() - begin) / NS_PER_MS);
	text_copy(c->facts.dhcp, sizeof(c->facts.dhcp), dhcp_end_names[c->dhcp.end]);
	if (c->dhcp.end == DHCP_BOUND)
		take_lease(c);
	return 0;
}

static int refuse_taken(struct as_client *c, const struct mac *who, struct sp_error *err)
{
	static const struct addr everybody = { 4, { 255, 255, 255, 255 } };
	char address[ADDR_STRLEN], mac[MAC_STRLEN];
	if (c->fd >= 0) {
		struct dhcp_message m = dhcp_client_decline(&c->dhcp);
		(void)client_dhcp_send(c->fd, &m, &everybody);
		c->dhcp.end = DHCP_UNDER_WAY; /* nothing to give back */
	}
	return sp_error_set(err, SP_E_MISSING, "%s, %s, is in use on %s by %s",
			    addr_format(&c->address.address, address),
			    c->fd >= 0 ? "which DHCP gave" : "of --client-address", c->name,
			    mac_format(who, mac));
}

static int take_address(struct as_client *c, struct sp_error *err)
{
	struct mac who;
	if (is_own(c, &c->address.gateway) || is_own(c, &c->facts.server))
		return out_of_reach(c, err);
	int e = client_address_taken(&c->wait, c->link, &c->address.address, &who);
	if (e > 0)
		return refuse_taken(c, &who, err);
	return e ? e : client_link_configure(c->link, &c->address, err);
}

/* Locally administered, and new each time: what a device is that has never been here. */
static int new_mac(struct mac *out, struct sp_error *err)
{
	if (crypto_random(out, sizeof(*out)))
		return sp_error_set(err, SP_E_CRYPTO, "no random numbers");
	out->b[0] = 0x02;
	return 0;
}

/* Silence before the bridge lets the port through would be our own making. */
static int wait_link(struct as_client *c, struct sp_error *err)
{
	bool bridge = client_link_on_bridge(c->link);
	int e = client_wait_link(&c->wait, c->link, bridge ? PORT_NS : MACVLAN_NS);
	if (e || !bridge || client_link_passes(c->link))
		return e;
	return sp_error_set(err, SP_E_MISSING, "%s lets nothing through for a new port (spanning tree?)",
			    c->name);
}

static int settle(struct as_client *c, const struct as_client_address *given, struct sp_error *err)
{
	struct mac mac;
	int e = new_mac(&mac, err);
	e = e ? e : client_link_make(c->link, &mac, err);
	e = e ? e : wait_link(c, err);
	if (e)
		return e;
	if (given)
		c->address = *given;
	else
		e = ask_dhcp(c, &mac, err);
	return e || !c->address.address.family ? e : take_address(c, err);
}

/* ---- in and out ------------------------------------------------------------------------------- */

/* Only a whole printable URL; some servers end it with a NUL or a new line. */
static void keep_url(char *out, size_t cap, const struct dhcp_text *t)
{
	size_t n = t->n;
	while (n && t->b[n - 1] <= ' ')
		n--;
	for (size_t i = 0; i < n; i++)
		if (t->b[i] <= ' ' || t->b[i] > '~')
			return;
	if (n < cap)
		text_printable(out, cap, wire_text_of(t->b, n));
}

/* What files of this host say about its own network is not the client's. */
static void replace_site(const struct as_client *c, struct host_facts *h)
{
	static const char unrestricted[] = "urn:ietf:params:capport:unrestricted"; /* RFC 8910 section 2 */
	char server[ADDR_STRLEN];
	struct hostname domain = { "" };
	const struct dhcp_message *m = &c->dhcp.lease;
	h->n_resolvers = h->n_stubs = 0;
	for (unsigned i = 0; i < c->address.n_dns && h->n_resolvers < HOST_MAX_RESOLVERS; i++)
		h->resolvers[h->n_resolvers++] = c->address.dns[i];
	snprintf(h->resolver_source, sizeof(h->resolver_source), "%s%s",
		 c->facts.server.family ? "DHCP server " : "--client-address",
		 c->facts.server.family ? addr_format(&c->facts.server, server) : "");
	h->proxy[0] = h->proxy_source[0] = h->wpad_url[0] = h->domain[0] = h->portal_api[0] = '\0';
	keep_url(h->wpad_url, sizeof(h->wpad_url), &m->wpad);
	keep_url(h->portal_api, sizeof(h->portal_api), &m->portal);
	if (strcmp(h->portal_api, unrestricted) == 0)
		h->portal_api[0] = '\0';
	if (hostname_parse(dhcp_text_wire(&m->domain), &domain) == 0)
		text_copy(h->domain, sizeof(h->domain), domain.s);
}

static int read_facts(const struct as_client *c, struct host_facts *out, struct sp_error *err)
{
	struct host_facts h;
	int e = netinfo_read(AS_CLIENT_IFNAME, &h, err);
	if (e)
		return e;
	replace_site(c, &h);
	h.virtual_ = false; /* it stands on the LAN itself: nothing lies between that it would hide */
	h.as_client = c->facts;
	*out = h;
	return 0;
}

static int move(struct as_client *c, const struct as_client_address *given, struct host_facts *host,
		struct sp_error *err)
{
	int e = move_in(err);
	if (e)
		return e;
	e = client_wait_open(&c->wait);
	e = e ? e : settle(c, given, err);
	client_wait_close(&c->wait);
	if (e == -EINTR)
		return sp_error_set(err, e, "interrupted before the client on %s had an address", c->name);
	return e ? e : read_facts(c, host, err);
}

int as_client_open(const char *name, const struct as_client_address *given, bool dry,
		   struct host_facts *host, struct as_client **out, struct sp_error *err)
{
	struct as_client *c = xcalloc(1, sizeof(*c));
	c->fd = c->wait.signals = -1;
	text_copy(c->name, sizeof(c->name), name);
	text_copy(c->facts.name, sizeof(c->facts.name), name);
	int e = client_link_find(name, &c->link, err);
	e = e ? e : look_beside(c, err);
	if (!e)
		text_copy(c->facts.kind, sizeof(c->facts.kind),
			  client_link_on_bridge(c->link) ? "bridge" : "macvlan");
	if (!e && dry) {
		*host = (struct host_facts){ .ifname = AS_CLIENT_IFNAME, .as_client = c->facts };
		as_client_close(c);
		*out = NULL;
		return 0;
	}
	e = e ? e : move(c, given, host, err);
	if (e) {
		as_client_close(c);
		return e == SP_E_DENIED || e == -EINTR ? e : SP_E_MISSING;
	}
	*out = c;
	return 0;
}

bool as_client_intact(const struct as_client *c, struct sp_error *err)
{
	if (client_link_intact(c->link))
		return true;
	sp_error_set(err, SP_E_MISSING, "the client's port on %s was taken away during the run", c->name);
	return false;
}

/* The message waits in the kernel until the next hop's MAC is known, and would go with the
 * namespace: so does this. */
static void release(struct as_client *c)
{
	const struct timespec pause = { 0, 10 * (long)NS_PER_MS };
	uint64_t end = clock_mono_ns() + RELEASE_NS;
	struct dhcp_message m = dhcp_client_release(&c->dhcp);
	const struct addr *server = &c->dhcp.lease.server;
	bool near = addr_in_prefix(server, &c->address.address, c->address.prefix);
	struct neigh n = { 0 };
	if (client_dhcp_send(c->fd, &m, server) < 0)
		return;
	while (clock_mono_ns() < end) {
		if (netinfo_neigh(client_link_ifindex(c->link), near ? server : &c->address.gateway, &n) ||
		    n.state >= NEIGH_REACHABLE)
			return;
		nanosleep(&pause, NULL);
	}
}

void as_client_close(struct as_client *c)
{
	if (!c)
		return;
	if (c->dhcp.end == DHCP_BOUND)
		release(c);
	if (c->fd >= 0)
		close(c->fd);
	client_link_close(c->link);
	free(c);
}
