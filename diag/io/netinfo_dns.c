/*
 * The site's resolvers. This host may ask something that no device asks: a stub on loopback, or a
 * resolver inside a VPN. Then the servers of the uplink itself are looked for where the programs
 * that run the uplink left them.
 */
#include "diag/io/netinfo_dump.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sallyport/text.h"
#include "sallyport/wire/hostfiles.h"

enum { FILE_MAX = 65536 };

/* In the order of trust: files about one interface first. %i is the index of the uplink, %n its
 * name; a star is a wildcard of the file name. Leases outlive their network: one counts only while
 * the uplink has its address. */
static const struct source {
	const char *path, *who;
	enum hostfile_format format;
	bool lease;
} sources[] = {
	{ "/run/systemd/resolve/netif/%i", "systemd-resolved", HOSTFILE_KEYS, false },
	{ "/run/systemd/netif/leases/%i", "systemd-networkd's lease", HOSTFILE_KEYS, true },
	{ "/run/systemd/netif/links/%i", "systemd-networkd", HOSTFILE_KEYS, false },
	{ "/var/lib/NetworkManager/internal-*-%n.lease", "NetworkManager's lease", HOSTFILE_KEYS, true },
	{ "/var/lib/NetworkManager/dhclient-*-%n.lease", "NetworkManager's lease", HOSTFILE_DHCLIENT,
	  true },
	{ "/var/lib/dhcp/dhclient.%n.leases", "dhclient's lease", HOSTFILE_DHCLIENT, true },
	{ "/var/lib/dhcp/dhclient.leases", "dhclient's lease", HOSTFILE_DHCLIENT, true },
	{ "/var/lib/dhclient/dhclient*.leases", "dhclient's lease", HOSTFILE_DHCLIENT, true },
	{ "/run/resolvconf/interface*/%n.*", "resolvconf", HOSTFILE_RESOLV_CONF, false },
	{ "/run/dhcpcd/hook-state/resolv.conf/%n.*", "dhcpcd", HOSTFILE_RESOLV_CONF, false },
	{ "/run/dhcpcd/hook-state/resolv.conf.%n.*", "dhcpcd", HOSTFILE_RESOLV_CONF, false },
	{ "/tmp/resolv.conf.d/resolv.conf.auto", "OpenWrt", HOSTFILE_RESOLV_CONF, false },
	{ "/tmp/resolv.conf.auto", "OpenWrt", HOSTFILE_RESOLV_CONF, false },
	{ "/run/NetworkManager/no-stub-resolv.conf", "NetworkManager", HOSTFILE_RESOLV_CONF, false },
	{ "/run/NetworkManager/resolv.conf", "NetworkManager", HOSTFILE_RESOLV_CONF, false },
	{ "/run/systemd/resolve/resolv.conf", "systemd-resolved", HOSTFILE_RESOLV_CONF, false },
	{ "/run/rdnssd/resolv.conf", "a router advertisement", HOSTFILE_RESOLV_CONF, false },
};

/* A regular file, so that a pipe cannot hold the run up; in /tmp, where anybody may write, root's. */
static bool is_trusted(int fd, const char *path)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (strncmp(path, "/tmp/", 5) != 0 || st.st_uid == 0);
}

/* The last FILE_MAX bytes, since programs add to the end of lease files. */
static struct bytes read_file(const char *path, uint8_t buffer[FILE_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = 0;
	size_t have = 0;
	if (fd >= 0 && is_trusted(fd, path)) {
		off_t size = lseek(fd, 0, SEEK_END);
		(void)lseek(fd, size > FILE_MAX ? size - FILE_MAX : 0, SEEK_SET);
		while (have < FILE_MAX && (n = read(fd, buffer + have, FILE_MAX - have)) > 0)
			have += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	return (struct bytes){ buffer, have };
}

static void expand(const char *path, const struct host_facts *h, char *out, size_t cap)
{
	size_t n = 0;
	for (const char *p = path; *p && n + 32 < cap; p++) {
		if (p[0] != '%') {
			out[n++] = *p;
			continue;
		}
		p++;
		n += (size_t)(*p == 'i' ? snprintf(out + n, cap - n, "%u", h->ifindex) :
					  snprintf(out + n, cap - n, "%.15s", h->ifname));
	}
	out[n] = '\0';
}

static bool on_uplink(const struct host_facts *h, const struct addr *a)
{
	for (size_t i = 0; i < h->n_addrs; i++)
		if (addr_in_prefix(a, &h->addrs[i].addr, h->addrs[i].prefix))
			return true;
	return false;
}

/* Of a network that this host has on another link: a tunnel's, or a second uplink's. */
static bool on_other_link(const struct netinfo_dump *d, const struct host_facts *h,
			  const struct addr *server)
{
	struct netinfo_address a;
	for (void *at = NULL; netinfo_next_address(d, &at, &a);)
		if (a.ifindex != h->ifindex && addr_kind(&a.addr) != ADDR_LINK_LOCAL &&
		    addr_in_prefix(server, &a.addr, a.prefix))
			return true;
	return false;
}

/* NULL when devices may ask this server as well. A private address that is not on the uplink,
 * while a tunnel takes this host's traffic, is the tunnel's. */
static const char *not_the_sites(const struct netinfo_dump *d, const struct host_facts *h,
				 const struct addr *server)
{
	if (addr_kind(server) == ADDR_LOOPBACK)
		return "loopback";
	if (on_uplink(h, server))
		return NULL;
	if (on_other_link(d, h, server))
		return h->tunnel[0] ? "tunnel" : "other link";
	return h->tunnel_takes && !addr_is_public(server) ? "tunnel" : NULL;
}

static void add_site(struct host_facts *h, const struct addr *a, const char *who)
{
	if (h->n_resolvers == HOST_MAX_RESOLVERS)
		return;
	h->resolvers[h->n_resolvers++] = *a;
	text_copy(h->resolver_source, sizeof(h->resolver_source), who);
}

static void add_stub(struct host_facts *h, const struct addr *a, const char *why)
{
	if (h->n_stubs == HOST_MAX_RESOLVERS)
		return;
	h->stubs[h->n_stubs].addr = *a;
	text_copy(h->stubs[h->n_stubs++].why, sizeof(h->stubs[0].why), why);
}

/* The first file that says so. */
static void keep(char *out, size_t cap, const char *text)
{
	if (!*out)
		text_copy(out, cap, text);
}

static bool is_own(const struct host_facts *h, const struct addr *a)
{
	for (size_t i = 0; i < h->n_addrs; i++)
		if (addr_equal(a, &h->addrs[i].addr))
			return true;
	return false;
}

static void take_file(const struct netinfo_dump *d, struct host_facts *h, const struct source *s,
		      const char *path, bool resolvers, uint8_t *buffer)
{
	struct hostfile f = { 0 };
	hostfile_read(s->format, h->ifname, read_file(path, buffer), &f);
	if (s->lease && !is_own(h, &f.address))
		return;
	for (size_t i = 0; i < f.n_resolvers && resolvers; i++)
		if (!not_the_sites(d, h, &f.resolvers[i]))
			add_site(h, &f.resolvers[i], s->who);
	keep(h->wpad_url, sizeof(h->wpad_url), f.wpad_url);
	keep(h->portal_api, sizeof(h->portal_api), f.portal_api);
	keep(h->domain, sizeof(h->domain), f.domain.s);
}

/* All files are read for what DHCP said beside resolvers; resolvers come from the first that has
 * any. */
static void search(const struct netinfo_dump *d, struct host_facts *h, uint8_t *buffer)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		bool wanted = !h->n_resolvers;
		char pattern[160];
		glob_t g;
		expand(sources[i].path, h, pattern, sizeof(pattern));
		if (glob(pattern, 0, NULL, &g) != 0)
			continue;
		for (size_t k = 0; k < g.gl_pathc; k++)
			take_file(d, h, &sources[i], g.gl_pathv[k], wanted, buffer);
		globfree(&g);
	}
}

void netinfo_fill_resolvers(const struct netinfo_dump *d, struct host_facts *h)
{
	struct hostfile f = { 0 };
	uint8_t *buffer = malloc(FILE_MAX);
	if (!buffer)
		return;
	hostfile_read(HOSTFILE_RESOLV_CONF, h->ifname, read_file("/etc/resolv.conf", buffer), &f);
	for (size_t i = 0; i < f.n_resolvers; i++) {
		const char *why = not_the_sites(d, h, &f.resolvers[i]);
		if (why)
			add_stub(h, &f.resolvers[i], why);
		else
			add_site(h, &f.resolvers[i], "/etc/resolv.conf");
	}
	keep(h->domain, sizeof(h->domain), f.domain.s);
	search(d, h, buffer);
	free(buffer);
}
