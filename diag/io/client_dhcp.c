#include "client_dhcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sallyport/clock.h"
#include "sallyport/netinfo.h"

enum { IP_AND_UDP_BYTES = 28 };
#define POLL_NS (10 * NS_PER_MS)
/* The kernel asks once a second; small devices wait as long as this after they ask. */
#define TAKEN_NS (1300 * NS_PER_MS)

/* ---- waiting ---------------------------------------------------------------------------------- */

static void wanted_signals(sigset_t *out)
{
	sigemptyset(out);
	sigaddset(out, SIGINT);
	sigaddset(out, SIGTERM);
}

int client_wait_open(struct client_wait *w)
{
	sigset_t set;
	wanted_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return w->signals < 0 ? -errno : 0;
}

void client_wait_close(struct client_wait *w)
{
	sigset_t set;
	wanted_signals(&set);
	if (w->signals >= 0)
		close(w->signals);
	w->signals = -1;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* 1: fd (may be -1) is readable, 0: the time has come, -EINTR: a signal asks for the end. */
static int wait_until(struct client_wait *w, int fd, uint64_t until_ns)
{
	struct pollfd p[] = { { w->signals, POLLIN, 0 }, { fd, POLLIN, 0 } };
	uint64_t now = clock_mono_ns(), left = until_ns > now ? until_ns - now : 0;
	struct timespec t = { (time_t)(left / NS_PER_S), (long)(left % NS_PER_S) };
	int n = ppoll(p, 2, &t, NULL);
	if (n > 0 && p[0].revents)
		return -EINTR;
	return n > 0;
}

int client_wait_link(struct client_wait *w, struct client_link *l, uint64_t limit_ns)
{
	uint64_t end = clock_mono_ns() + limit_ns;
	while (!client_link_passes(l) && clock_mono_ns() < end) {
		int e = wait_until(w, -1, clock_mono_ns() + POLL_NS);
		if (e)
			return e;
	}
	return 0;
}

/* ---- DHCP ------------------------------------------------------------------------------------- */

int client_dhcp_socket(void)
{
	static const char ifname[] = AS_CLIENT_IFNAME;
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT) };
	int one = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, sizeof(ifname)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any))) {
		int e = -errno;
		close(fd);
		return e;
	}
	return fd;
}

int client_dhcp_send(int fd, const struct dhcp_message *m, const struct addr *to)
{
	uint8_t wire[DHCP_BYTES_MAX];
	struct sockaddr_storage ss;
	struct endpoint server = { *to, DHCP_SERVER_PORT };
	size_t n = dhcp_build(wire, sizeof(wire), m);
	socklen_t len = (socklen_t)endpoint_to_sockaddr(&server, &ss);
	if (sendto(fd, wire, n, 0, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	return (int)n + IP_AND_UDP_BYTES;
}

static void receive(int fd, struct dhcp_client *c)
{
	uint8_t wire[DHCP_BYTES_MAX];
	struct dhcp_message m;
	for (ssize_t n; (n = recv(fd, wire, sizeof(wire), 0)) >= 0;)
		if (dhcp_parse(wire, (size_t)n, &m) == 0)
			dhcp_client_receive(c, &m, clock_mono_ns());
}

int client_dhcp_run(struct client_wait *w, int fd, struct dhcp_client *c, uint32_t *bytes)
{
	static const struct addr everybody = { 4, { 255, 255, 255, 255 } };
	struct dhcp_message m;
	*bytes = 0;
	for (;;) {
		while (dhcp_client_step(c, clock_mono_ns(), &m)) {
			int n = client_dhcp_send(fd, &m, &everybody);
			if (n < 0)
				return n;
			*bytes += (uint32_t)n;
		}
		if (c->end != DHCP_UNDER_WAY)
			return 0;
		int e = wait_until(w, fd, dhcp_client_deadline(c));
		if (e < 0)
			return e;
		if (e)
			receive(fd, c);
	}
}

/* ---- is it taken? ----------------------------------------------------------------------------- */

int client_address_taken(struct client_wait *w, struct client_link *l, const struct addr *a,
			 struct mac *who)
{
	uint64_t end = clock_mono_ns() + TAKEN_NS;
	struct neigh n = { 0 };
	if (client_link_ask(l, a))
		return 0;
	while (clock_mono_ns() < end) {
		int e = wait_until(w, -1, clock_mono_ns() + POLL_NS);
		if (e)
			return e;
		if (netinfo_neigh(client_link_ifindex(l), a, &n) == 0 && n.state == NEIGH_REACHABLE) {
			*who = n.mac;
			return 1;
		}
	}
	return 0;
}
