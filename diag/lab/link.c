/*
 * The user-space link: reads Ethernet frames from one veth end and writes them to the other when
 * the schedule says so. The kernel's own emulator (netem) is not in every kernel. The neighbours
 * have checksum and segmentation offloads off (net.c), so that frames here are complete.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag/lab/inside.h"
#include "diag/lab/link_sched.h"

enum { LINK_BATCH = 64 /* frames read per wake-up, so that sending is not starved */ };

struct link {
	struct loop *loop;
	struct loop_timer *timer;
	struct link_sched sched;
	struct link_end {
		struct link *link;
		unsigned other;
		int fd;
	} ends[2];
};

static void send_due(void *ctx)
{
	struct link *l = ctx;
	for (struct link_frame *f; (f = link_sched_pop(&l->sched, loop_clock_ns(l->loop)));) {
		/* A full device queue loses the frame, as a wire would. */
		ssize_t n = send(l->ends[f->to].fd, f->bytes, f->n, MSG_DONTWAIT);
		(void)n;
		free(f);
	}
	uint64_t next = link_sched_next_ns(&l->sched);
	if (next != UINT64_MAX)
		loop_timer_set(l->timer, next);
}

static void on_frame(void *ctx, unsigned events)
{
	(void)events;
	struct link_end *end = ctx;
	struct link *l = end->link;
	uint8_t buf[LINK_FRAME_MAX + 1]; /* one more, to know the longer ones */
	for (int i = 0; i < LINK_BATCH; i++) {
		ssize_t n = recv(end->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0)
			break;
		link_sched_push(&l->sched, loop_clock_ns(l->loop), end->other, buf, (size_t)n);
	}
	send_due(l);
}

static int open_end(const char *ifname, struct sp_error *err)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = __builtin_bswap16(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(ifname),
	};
	int one = 1, room = 1 << 20;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		return sp_error_set(err, -e, "the user-space link cannot read %s: %s", ifname,
				    strerror(e));
	}
	return fd;
}

int lab_link_run(const struct lab_knobs *k, uint64_t seed, int ready_fd, struct sp_error *err)
{
	static const char *const names[2] = {LAB_LINK_NEAR, LAB_LINK_AWAY};
	struct link *l = xcalloc(1, sizeof(*l));
	link_sched_init(&l->sched, k, seed);
	l->loop = loop_new();
	l->timer = loop_timer_add(l->loop, loop_clock_ns(l->loop), send_due, l);
	for (unsigned i = 0; i < 2; i++) {
		struct loop_io *io;
		struct link_end *end = &l->ends[i];
		*end = (struct link_end){.link = l, .other = 1 - i, .fd = open_end(names[i], err)};
		if (end->fd < 0)
			return end->fd;
		int e = loop_io_add(l->loop, end->fd, LOOP_READ, on_frame, end, &io);
		if (e)
			return sp_error_set(err, e, "user-space link: %s", sp_strerror(e));
	}
	lab_ready(ready_fd, 0, NULL);
	loop_run(l->loop);
	return 0;
}
