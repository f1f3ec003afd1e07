/*
 * stun_load ADDRESS PORT SECONDS SOCKETS EACH: Binding requests from that many sockets with EACH
 * outstanding, as fast as they are answered. Prints one line of JSON: answers, and how many were good.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "sallyport/addr.h"
#include "sallyport/wire/stun.h"

enum { SOCKETS_MAX = 512, EACH_MAX = 32, ROOM = 256, LOST_MS = 100 };

struct load {
	struct pollfd fds[SOCKETS_MAX];
	unsigned sockets, each;
	struct mmsghdr m[EACH_MAX];
	struct iovec v[EACH_MAX];
	uint8_t data[EACH_MAX][ROOM];
	unsigned long answers, good;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ask(struct load *l, int fd, unsigned n)
{
	static const uint8_t txid[12] = "load of stun";
	struct stun_message q = stun_binding_request(txid);
	for (unsigned i = 0; i < n; i++)
		l->v[i] = (struct iovec){ l->data[i], stun_build(l->data[i], ROOM, &q) };
	(void)sendmmsg(fd, l->m, n, 0);
}

static unsigned answers(struct load *l, int fd)
{
	for (unsigned i = 0; i < l->each; i++)
		l->v[i] = (struct iovec){ l->data[i], ROOM };
	int n = recvmmsg(fd, l->m, l->each, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		l->good += l->m[i].msg_len >= STUN_HEADER && l->data[i][0] == 1 && l->data[i][1] == 1;
	l->answers += n > 0 ? (unsigned)n : 0;
	return n > 0 ? (unsigned)n : 0;
}

static bool start(struct load *l, const struct endpoint *to)
{
	struct sockaddr_storage ss;
	socklen_t n = (socklen_t)endpoint_to_sockaddr(to, &ss);
	for (unsigned i = 0; i < l->each; i++)
		l->m[i].msg_hdr = (struct msghdr){ .msg_iov = &l->v[i], .msg_iovlen = 1 };
	for (unsigned i = 0; i < l->sockets; i++) {
		l->fds[i] = (struct pollfd){ .fd = socket(AF_INET, SOCK_DGRAM, 0), .events = POLLIN };
		if (l->fds[i].fd < 0 || connect(l->fds[i].fd, (struct sockaddr *)&ss, n))
			return false;
		ask(l, l->fds[i].fd, l->each);
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct load l;
	struct endpoint to;
	if (argc != 6 || addr_parse(argv[1], &to.addr))
		return 64;
	l.sockets = (unsigned)strtoul(argv[4], NULL, 10);
	l.each = (unsigned)strtoul(argv[5], NULL, 10);
	if (!l.sockets || l.sockets > SOCKETS_MAX || !l.each || l.each > EACH_MAX)
		return 64;
	to.port = (uint16_t)strtoul(argv[2], NULL, 10);
	double begin = now(), end = begin + strtod(argv[3], NULL);
	if (!start(&l, &to))
		return 1;
	while (now() < end) {
		int ready = poll(l.fds, l.sockets, LOST_MS);
		for (unsigned i = 0; i < l.sockets; i++) {
			bool lost = ready == 0; /* some never came back: fill up again */
			unsigned n = l.fds[i].revents ? answers(&l, l.fds[i].fd) : 0;
			ask(&l, l.fds[i].fd, lost ? l.each : n);
		}
	}
	printf("{\"answers\":%lu,\"good\":%lu,\"seconds\":%.3f}\n", l.answers, l.good, now() - begin);
	return 0;
}
