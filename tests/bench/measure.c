/*
 * measure IFACE CMD [ARG...]: runs CMD and says on stderr, in one line of JSON, how long it took, how
 * much memory it peaked at, and how long after its start the first frame left by IFACE (ARP or IPv4;
 * what the kernel sends for itself over IPv6 is not CMD's). "-" for IFACE leaves that out.
 *
 * Small on purpose: the peak of a process begins with what its parent had before exec.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(const struct timespec *t)
{
	return (double)t->tv_sec + (double)t->tv_nsec / 1e9;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t); /* the clock of the kernel's timestamps */
	return seconds(&t);
}

static int listen_on(const char *ifname)
{
	int on = 1, fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(ifname) };
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on))) {
		perror("measure: packet socket");
		exit(1);
	}
	return fd;
}

/* Time of one frame that left, 0 for another, negative when there is none left. */
static double next_frame(int fd)
{
	union {
		struct cmsghdr align;
		char bytes[256];
	} control;
	char data[64];
	struct sockaddr_ll from;
	struct timespec at = { 0 };
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &v,
			    .msg_iovlen = 1, .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes) };
	if (recvmsg(fd, &m, MSG_DONTWAIT) < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(&at, CMSG_DATA(c), sizeof(at));
	unsigned proto = ntohs(from.sll_protocol);
	bool ours = from.sll_pkttype == PACKET_OUTGOING && (proto == ETH_P_ARP || proto == ETH_P_IP);
	return ours ? seconds(&at) : 0;
}

static double first_frame(int fd, double start)
{
	double at;
	while ((at = next_frame(fd)) >= 0)
		if (at >= start)
			return at;
	return -1;
}

int main(int argc, char **argv)
{
	struct rusage used;
	int status = 0;
	if (argc < 3)
		return 64;
	int fd = strcmp(argv[1], "-") ? listen_on(argv[1]) : -1;
	double start = now();
	pid_t pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) < 0)
		return 1;
	double wall = now() - start, frame = fd < 0 ? -1 : first_frame(fd, start);
	fprintf(stderr, "{\"wall_s\":%.6f,\"rss_kib\":%ld,\"first_frame_s\":%.6f,\"exit\":%d}\n", wall,
		used.ru_maxrss, frame < 0 ? -1 : frame - start,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
