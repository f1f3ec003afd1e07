/*
 * The VPN: carries packets between two tun devices, one on the device and one on the far side. It
 * needs no network between them, so that whatever the gateway drops, the VPN passes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "diag/lab/inside.h"
#include "sallyport/text.h"

enum { TUNNEL_PACKET_MAX = 65535 };

/* One end: the device that topology.c made in the current namespace. */
static int open_end(struct sp_error *err)
{
	struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	text_copy(r.ifr_name, sizeof(r.ifr_name), LAB_TUNNEL);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r)) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		return sp_error_set(err, -e, "the VPN cannot open %s: %s", LAB_TUNNEL, strerror(e));
	}
	return fd;
}

/* False when that end is gone. */
static bool carry(int from, int to)
{
	static char packet[TUNNEL_PACKET_MAX];
	ssize_t n = read(from, packet, sizeof(packet));
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	n = write(to, packet, (size_t)n); /* what does not fit is lost, as on a wire */
	return true;
}

int lab_tunnel_run(int far_fd, int ready_fd, struct sp_error *err)
{
	int near = open_end(err);
	int e = near < 0 ? near : lab_net_enter(far_fd, err);
	int far = e ? -1 : open_end(err);
	if (e || far < 0)
		return e ? e : far;
	lab_ready(ready_fd, 0, NULL);
	struct pollfd p[] = {{near, POLLIN, 0}, {far, POLLIN, 0}};
	for (;;) { /* for ever: CMD may delete its end, which is no end of the lab */
		if (poll(p, 2, -1) < 0)
			continue;
		for (unsigned i = 0; i < 2; i++)
			if (p[i].revents && !carry(p[i].fd, i ? near : far))
				p[i].fd = -1;
	}
}
