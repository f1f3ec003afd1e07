/* Asks nl80211 and gathers the replies; what they mean is netinfo_wifi_dump.c's. */
#include "sallyport/netinfo_wifi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/nl80211.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/family.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "sallyport/text.h"

enum {
	REPLY_MAX = 32 * 1024,  /* the kernel fills no larger buffer in a dump (af_netlink.c) */
	DUMP_MAX = 512 * 1024,  /* about 300 access points with all their elements */
	TIMEOUT_US = 500000,
};

struct replies {
	uint8_t *p;
	size_t n;
	bool cut;
};

/* 1: more to come, 0: that was all, negative: refused. */
static int last_of(uint8_t *p, size_t n)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)p;
	for (int left = (int)n; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type == NLMSG_DONE)
			return 0;
		if (nlh->nlmsg_type == NLMSG_ERROR && nlmsg_datalen(nlh) >= (int)sizeof(struct nlmsgerr))
			return ((struct nlmsgerr *)nlmsg_data(nlh))->error;
	}
	return 1;
}

static int gather(int fd, struct replies *out)
{
	for (int more = 1; more > 0;) {
		if (DUMP_MAX - out->n < REPLY_MAX) {
			out->cut = true;
			return 0;
		}
		ssize_t got = recv(fd, out->p + out->n, REPLY_MAX, MSG_TRUNC);
		if (got <= 0 || got > REPLY_MAX)
			return got < 0 ? -errno : SP_E_LIMIT;
		more = last_of(out->p + out->n, (size_t)got);
		out->n += NLMSG_ALIGN((size_t)got);
		if (more < 0)
			return more;
	}
	return 0;
}

static int ask(struct nl_sock *sk, int family, uint8_t command, int flags, unsigned ifindex,
	       struct replies *out)
{
	struct nl_msg *msg = nlmsg_alloc();
	int e = SP_E_LIBRARY;
	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, command, 0) &&
	    nla_put_u32(msg, NL80211_ATTR_IFINDEX, ifindex) == 0 && nl_send_auto(sk, msg) >= 0)
		e = gather(nl_socket_get_fd(sk), out);
	nlmsg_free(msg);
	return e;
}

/* By the list of families: asking for one by its name would make the kernel load its module. */
static int nl80211_family(struct nl_sock *sk)
{
	struct nl_cache *families = NULL;
	int id = -1;
	if (genl_ctrl_alloc_cache(sk, &families) == 0) {
		struct genl_family *f = genl_ctrl_search_by_name(families, NL80211_GENL_NAME);
		id = f ? (int)genl_family_get_id(f) : -1;
		genl_family_put(f);
	}
	nl_cache_free(families);
	return id;
}

static int read_wifi(struct nl_sock *sk, unsigned ifindex, struct wifi_facts *out)
{
	const struct timeval timeout = { .tv_usec = TIMEOUT_US };
	if (genl_connect(sk) < 0 ||
	    setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		return SP_E_LIBRARY;
	int family = nl80211_family(sk);
	if (family < 0)
		return SP_E_MISSING;
	struct replies r = { .p = xcalloc(1, DUMP_MAX) };
	int e = ask(sk, family, NL80211_CMD_GET_INTERFACE, 0, ifindex, &r);
	/* What these two add may be missing (some drivers know neither), but who is late is left. */
	if (!e && ask(sk, family, NL80211_CMD_GET_STATION, NLM_F_DUMP, ifindex, &r) != -EAGAIN)
		(void)ask(sk, family, NL80211_CMD_GET_SCAN, NLM_F_DUMP, ifindex, &r);
	if (!e)
		e = wifi_from_dump(r.p, r.n, ifindex, out);
	if (!e)
		out->cut |= r.cut;
	free(r.p);
	return e;
}

void netinfo_wifi(struct host_facts *h)
{
	struct nl_sock *sk = nl_socket_alloc();
	bool is_wifi = strcmp(h->medium, "wifi") == 0;
	struct wifi_facts w = { 0 };
	if (!sk || !h->ifindex || read_wifi(sk, h->ifindex, &w))
		w = (struct wifi_facts){ .state = is_wifi ? WIFI_UNREAD : WIFI_NONE };
	if (w.state == WIFI_READ)
		text_copy(h->medium, sizeof(h->medium), "wifi");
	h->wifi = w;
	nl_socket_free(sk);
}
