/* ICMP errors, where a raw socket was granted. The kernel writes the IP header with a genuine source
 * of this host; what is raw is the ICMP message. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/icmp.h>
#include <linux/icmpv6.h>

#include "sallyport/wire/icmp.h"
#include "server.h"

/* Only sends: what comes in is filtered out by the kernel. */
static int open_raw(int family)
{
	int v4 = family == AF_INET;
	int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	struct icmp_filter none4 = { .data = UINT32_MAX };
	struct icmp6_filter none6;
	memset(&none6, 0xff, sizeof(none6)); /* a set bit blocks its type (RFC 3542 section 3.2) */
	if (fd >= 0 && v4)
		(void)setsockopt(fd, SOL_RAW, ICMP_FILTER, &none4, sizeof(none4));
	else if (fd >= 0)
		(void)setsockopt(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, &none6, sizeof(none6));
	return fd;
}

void error_open(struct server *s)
{
	s->raw4 = open_raw(AF_INET);
	s->raw6 = open_raw(AF_INET6);
	if (s->raw4 >= 0 || s->raw6 >= 0)
		s->core.can |= REFLECT_CAN_ERROR;
}

void error_close(struct server *s)
{
	if (s->raw4 >= 0)
		close(s->raw4);
	if (s->raw6 >= 0)
		close(s->raw6);
}

int error_send(void *ctx, const struct path *p, struct bytes payload)
{
	struct server *s = ctx;
	bool v4 = p->client.addr.family == 4;
	uint8_t wire[REFLECT_MAX];
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
	struct sockaddr_storage to;
	struct endpoint host = { .addr = p->client.addr };
	struct iovec v = { wire, icmp_build_unreachable(wire, sizeof(wire), &p->client, &p->server, payload) };
	struct msghdr m = { .msg_name = &to, .msg_iov = &v, .msg_iovlen = 1 };
	m.msg_namelen = (socklen_t)endpoint_to_sockaddr(&host, &to);
	places_send_from(&m, control, &p->server.addr);
	if (!v.iov_len || sendmsg(v4 ? s->raw4 : s->raw6, &m, MSG_DONTWAIT) < 0)
		return v.iov_len ? -errno : -EINVAL;
	s->core.n.bytes_out += v.iov_len + (v4 ? 20 : 40);
	return 0;
}
