/*
 * Namespaces without names, and what is in them. The text of topology.c goes to `ip -batch` and
 * `nft -f`, one process per node and tool, all nodes at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <linux/if.h> /* after net/if.h: IF_OPER_UP only */
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "diag/lab/inside.h"
#include "sallyport/clock.h"
#include "sallyport/text.h"

extern char **environ;

/* A running tool: reads its text from a memory file, complains into a pipe. */
struct tool {
	const char *name, *where;
	pid_t pid; /* 0: none */
	int complaints;
};

static const char *find_tool(struct arena *a, const char *name)
{
	static const char sbin[] = "/usr/local/sbin:/usr/sbin:/sbin"; /* not in every user's PATH */
	const char *path = getenv("PATH");
	path = arena_printf(a, "%s:%s", path ? path : "", sbin);
	for (size_t n; *path; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		const char *file = arena_printf(a, "%.*s/%s", (int)n, path, name);
		if (n && access(file, X_OK) == 0)
			return file;
	}
	return NULL;
}

static int text_fd(const char *text)
{
	int fd = memfd_create("lab", MFD_CLOEXEC);
	size_t n = strlen(text);
	if (fd >= 0 && (write(fd, text, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET))) {
		close(fd);
		return -1;
	}
	return fd;
}

static int spawn_tool(const char *file, char *const argv[], int in, int out, const int *keep,
		      size_t n_keep, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in, 0);
	posix_spawn_file_actions_adddup2(&fa, out, 1);
	posix_spawn_file_actions_adddup2(&fa, out, 2);
	for (size_t i = 0; i < n_keep; i++)
		if (keep[i] >= 0)
			posix_spawn_file_actions_adddup2(&fa, keep[i], keep[i]);
	int e = posix_spawn(pid, file, &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	return e;
}

/* Starts `ip -batch -` or `nft -f -` on the text in the current namespace; fds in keep stay open.
 */
static int tool_start(struct arena *a, struct tool *t, const char *text, const int *keep,
		      size_t n_keep, struct sp_error *err)
{
	static char batch[] = "-batch", file[] = "-f", input[] = "-";
	bool ip = strcmp(t->name, "ip") == 0;
	const char *path = find_tool(a, t->name);
	if (!path)
		return sp_error_set(err, SP_E_MISSING, "needs '%s' (Debian package %s)", t->name,
				    ip ? "iproute2" : "nftables");
	char *argv[] = {arena_strdup(a, t->name), ip ? batch : file, input, NULL};
	int in = text_fd(text), pipes[2] = {-1, -1}, e = 0;
	if (in < 0 || pipe2(pipes, O_CLOEXEC))
		e = errno;
	else
		e = spawn_tool(path, argv, in, pipes[1], keep, n_keep, &t->pid);
	if (in >= 0)
		close(in);
	if (pipes[1] >= 0)
		close(pipes[1]);
	t->complaints = pipes[0];
	return e ? sp_error_set(err, -e, "cannot run %s: %s", path, strerror(e)) : 0;
}

/* Waits for its end; its first line of complaint becomes the error. */
static int tool_wait(struct tool *t, struct sp_error *err)
{
	if (!t->pid)
		return 0;
	char said[256], line[200];
	size_t n = 0;
	for (ssize_t r;
	     n < sizeof(said) && (r = read(t->complaints, said + n, sizeof(said) - n)) > 0;)
		n += (size_t)r;
	close(t->complaints);
	int status = 0;
	while (waitpid(t->pid, &status, 0) < 0 && errno == EINTR)
		;
	t->pid = 0;
	if (status == 0)
		return 0;
	const char *end = memchr(said, '\n', n);
	text_printable(line, sizeof(line), wire_text_of(said, end ? (size_t)(end - said) : n));
	return sp_error_set(err, SP_E_LIBRARY, "%s in %s: %s", t->name, t->where,
			    *line ? line : "failed");
}

int lab_net_enter(int fd, struct sp_error *err)
{
	if (setns(fd, CLONE_NEWNET))
		return sp_error_set(err, -errno, "cannot enter a namespace: %s", strerror(errno));
	return 0;
}

/* "net/ipv4/name=value" lines into /proc/sys of the current namespace. A kernel without IPv6 has
 * nothing to switch off. */
static int write_sysctls(struct arena *a, const char *text, struct sp_error *err)
{
	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		size_t name = strcspn(text, "=");
		const char *file = arena_printf(a, "/proc/sys/%.*s", (int)name, text);
		if (!n || name > n)
			continue;
		int fd = open(file, O_WRONLY | O_CLOEXEC);
		bool optional = errno == ENOENT && strstr(file, "/ipv6/");
		if (fd < 0 && optional)
			continue;
		size_t len = n - name - 1;
		if (fd < 0 || write(fd, text + name + 1, len) != (ssize_t)len) {
			int e = errno;
			if (fd >= 0)
				close(fd);
			return sp_error_set(err, -e, "cannot set %s: %s", file, strerror(e));
		}
		close(fd);
	}
	return 0;
}

/* Leaves this process in the namespace it makes. */
static int make_namespace(struct arena *a, const struct lab_order *o, enum lab_node n, int *fd,
			  struct sp_error *err)
{
	if (unshare(CLONE_NEWNET))
		return sp_error_set(err, -errno, "no network namespace: %s", strerror(errno));
	*fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return sp_error_set(err, -errno, "/proc/self/ns/net: %s", strerror(errno));
	return write_sysctls(a, lab_sysctl_text(a, o, n), err);
}

/* Frames that a program reads must have their checksums filled in and fit the wire. */
static int offloads_off(struct sp_error *err)
{
	static const uint32_t settings[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO,
					    ETHTOOL_SGRO};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), e = 0;
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *i = all; fd >= 0 && i && i->if_name; i++) {
		if (strcmp(i->if_name, "lo") == 0)
			continue;
		for (size_t k = 0; k < sizeof(settings) / sizeof(settings[0]); k++) {
			struct ethtool_value off = {.cmd = settings[k]};
			struct ifreq r = {.ifr_data = (char *)&off};
			text_copy(r.ifr_name, sizeof(r.ifr_name), i->if_name);
			/* What depends on checksumming is off with it; only that one must work. */
			if (ioctl(fd, SIOCETHTOOL, &r) && settings[k] == ETHTOOL_STXCSUM)
				e = errno;
		}
	}
	if (all)
		if_freenameindex(all);
	if (fd >= 0)
		close(fd);
	return e ? sp_error_set(err, -e, "cannot turn checksum offload off: %s", strerror(e)) : 0;
}

static int start_node(struct arena *a, const struct lab_order *o, const struct lab_world *w,
		      enum lab_node n, int fd, struct tool tools[2], struct sp_error *err)
{
	int e = lab_net_enter(fd, err);
	if (!e && o->shape & LAB_RELAY)
		e = offloads_off(err);
	const char *rules = lab_rules_text(a, o, w, n);
	tools[0] = (struct tool){.name = "ip", .where = lab_node_name(n)};
	tools[1] = (struct tool){.name = "nft", .where = lab_node_name(n)};
	if (!e)
		e = tool_start(a, &tools[0], lab_node_text(a, o, n), NULL, 0, err);
	if (!e && rules)
		e = tool_start(a, &tools[1], rules, NULL, 0, err);
	return e;
}

static int configure_nodes(struct arena *a, const struct lab_order *o, const struct lab_world *w,
			   const int fds[LAB_NODE_COUNT], struct sp_error *err)
{
	struct tool tools[LAB_NODE_COUNT][2] = {0};
	int e = 0;
	for (unsigned n = 0; n < LAB_NODE_COUNT && !e; n++)
		if (fds[n] >= 0)
			e = start_node(a, o, w, n, fds[n], tools[n], err);
	for (unsigned n = 0; n < LAB_NODE_COUNT; n++)
		for (unsigned k = 0; k < 2; k++) {
			int failed = tool_wait(&tools[n][k], e ? NULL : err);
			e = e ? e : failed;
		}
	return e;
}

/* True when no veth of the current namespace waits for its carrier any more. A tunnel gets its own
 * with the process that carries it. */
static bool links_settled(struct nl_sock *nl)
{
	struct nl_cache *all;
	if (rtnl_link_alloc_cache(nl, AF_UNSPEC, &all))
		return false;
	bool settled = true;
	for (struct nl_object *i = nl_cache_get_first(all); i; i = nl_cache_get_next(i)) {
		struct rtnl_link *l = (struct rtnl_link *)i;
		unsigned flags = rtnl_link_get_flags(l);
		const char *type = rtnl_link_get_type(l);
		if (flags & IFF_UP && type && strcmp(type, "veth") == 0)
			settled &= rtnl_link_get_operstate(l) == IF_OPER_UP;
	}
	nl_cache_free(all);
	return settled;
}

/* The kernel turns a link on in the background, after both its ends are up; until then it loses
 * packets and looks unplugged. */
static int wait_links(int fd, enum lab_node n, struct sp_error *err)
{
	const struct timespec pause = {.tv_nsec = 2 * NS_PER_MS};
	uint64_t until = clock_mono_ns() + 5 * NS_PER_S;
	struct nl_sock *nl = nl_socket_alloc();
	int e = lab_net_enter(fd, err);
	if (!e && nl_connect(nl, NETLINK_ROUTE))
		e = sp_error_set(err, SP_E_LIBRARY, "no netlink in %s", lab_node_name(n));
	while (!e && !links_settled(nl)) {
		if (clock_mono_ns() > until)
			e = sp_error_set(err, -ETIMEDOUT, "a link of %s stays down",
					 lab_node_name(n));
		nanosleep(&pause, NULL);
	}
	nl_socket_free(nl);
	return e;
}

int lab_net_build(struct arena *a, const struct lab_order *o, const struct lab_world *w,
		  int fds[LAB_NODE_COUNT], struct sp_error *err)
{
	int e = 0;
	for (unsigned n = 0; n < LAB_NODE_COUNT; n++)
		fds[n] = -1;
	for (unsigned n = 0; n < LAB_NODE_COUNT && !e; n++)
		if (lab_node_exists(n, o->shape))
			e = make_namespace(a, o, n, &fds[n], err);
	if (e)
		return e;
	struct tool links = {.name = "ip", .where = "the lab"};
	e = tool_start(a, &links, lab_links_text(a, o->shape, fds), fds, LAB_NODE_COUNT, err);
	if (!e)
		e = tool_wait(&links, err);
	if (!e)
		e = configure_nodes(a, o, w, fds, err);
	for (unsigned n = 0; n < LAB_NODE_COUNT && !e; n++)
		if (fds[n] >= 0)
			e = wait_links(fds[n], n, err);
	return e;
}
