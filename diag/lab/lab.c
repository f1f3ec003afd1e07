/*
 * The lab, seen from outside: one child in new PID, mount and network namespaces (and a user
 * namespace where this process is not root), the terminal's signals, and the exit code.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "diag/lab/inside.h"
#include "sallyport/clock.h"
#include "sallyport/crypto.h"

/* After a signal sent to this process (not typed), CMD has this long to end by itself. */
#define GRACE_NS (3 * NS_PER_S)

struct outside {
	int fd;      /* socket to init */
	int signals; /* signalfd */
	int tty;
	pid_t init;
	uint64_t deadline_ns; /* 0: none */
	int last_signal;
};

/* Job control is for a plain terminal session: with a pipe on either side, the neighbours in the
 * pipeline would lose the terminal. */
static int own_terminal(void)
{
	return isatty(0) && isatty(1) && tcgetpgrp(0) == getpgrp() ? 0 : -1;
}

/* Like fork(), in new namespaces. (clone3 is refused by the filters of some containers.) */
static pid_t clone_process(unsigned long namespaces)
{
	return (pid_t)syscall(SYS_clone, namespaces | SIGCHLD, 0, 0, 0, 0);
}

/* What this process lacks of what the lab does (namespaces, links, the user-space link, servers on
 * low ports), by name; NULL when it has it all. */
static const char *missing_capabilities(struct arena *a)
{
	static const struct {
		unsigned bit;
		const char *name;
	} wanted[] = {
		{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
		{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
		{CAP_NET_RAW, "CAP_NET_RAW"},
		{CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE"},
	};
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct have[_LINUX_CAPABILITY_U32S_3] = {0};
	const char *text = NULL;
	(void)syscall(SYS_capget, &head, have); /* on failure: none */
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!(have[CAP_TO_INDEX(wanted[i].bit)].effective & CAP_TO_MASK(wanted[i].bit)))
			text = text ? arena_printf(a, "%s, %s", text, wanted[i].name) : wanted[i].name;
	return text;
}

/* In a user namespace of its own, a process without privileges has them all. */
static pid_t clone_init(bool privileged, bool *user_namespace)
{
	const unsigned long spaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET;
	pid_t pid = privileged ? clone_process(spaces) : -1;
	*user_namespace = pid < 0 && (!privileged || errno == EPERM);
	return *user_namespace ? clone_process(spaces | CLONE_NEWUSER) : pid;
}

static int write_proc(pid_t pid, const char *file, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	size_t n = strlen(text);
	int e = write(fd, text, n) == (ssize_t)n ? 0 : -errno;
	close(fd);
	return e;
}

/* Makes this user root inside (user_namespaces(7)). */
static int map_ids(pid_t pid)
{
	char uid[64], gid[64];
	snprintf(uid, sizeof(uid), "0 %u 1", (unsigned)geteuid());
	snprintf(gid, sizeof(gid), "0 %u 1", (unsigned)getegid());
	int e = write_proc(pid, "setgroups", "deny");
	if (!e)
		e = write_proc(pid, "uid_map", uid);
	return e ? e : write_proc(pid, "gid_map", gid);
}

static int denied(const char *missing, struct sp_error *err, int code)
{
	if (!missing)
		return sp_error_set(err, SP_E_DENIED, "this system refuses new namespaces: %s",
				    sp_strerror(code));
	return sp_error_set(err, SP_E_DENIED,
			    "needs root (missing: %s) or a user namespace, which this system refuses "
			    "(%s; see user.max_user_namespaces, kernel.unprivileged_userns_clone)",
			    missing, sp_strerror(code));
}

static void forward(struct outside *out)
{
	struct signalfd_siginfo si;
	if (read(out->signals, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	out->last_signal = (int)si.ssi_signo;
	/* What was typed has reached CMD too: it is in the same process group. That the terminal is
	 * gone is told to the leader of its session alone. */
	if (si.ssi_code == SI_KERNEL && out->last_signal != SIGHUP)
		return;
	out->deadline_ns = clock_mono_ns() + GRACE_NS;
	ssize_t n = send(out->fd, &out->last_signal, sizeof(int), MSG_NOSIGNAL);
	(void)n;
}

/* CMD was stopped by the terminal: so are we, until the shell continues us. */
static void stop_with_command(struct outside *out)
{
	int resume = LAB_RESUME;
	tcsetpgrp(out->tty, getpgrp());
	raise(SIGSTOP);
	ssize_t n = send(out->fd, &resume, sizeof(resume), MSG_NOSIGNAL);
	(void)n;
}

static int wait_ms(const struct outside *out)
{
	if (!out->deadline_ns)
		return -1;
	uint64_t now = clock_mono_ns();
	return now >= out->deadline_ns ? 0 : (int)((out->deadline_ns - now) / NS_PER_MS) + 1;
}

/* True when *m is init's last word; false when it went without one. */
static bool listen_to_init(struct outside *out, struct lab_message *m)
{
	struct pollfd p[] = {{out->fd, POLLIN, 0}, {out->signals, POLLIN, 0}};
	for (;;) {
		int n = poll(p, 2, wait_ms(out));
		if (n == 0)
			return false;
		if (n > 0 && p[1].revents)
			forward(out);
		if (n <= 0 || !p[0].revents)
			continue;
		if (recv(out->fd, m, sizeof(*m), 0) != (ssize_t)sizeof(*m))
			return false;
		if (m->type == LAB_MSG_DONE)
			return true;
		stop_with_command(out);
	}
}

static int attend(struct outside *out, struct sp_error *err)
{
	struct lab_message m;
	bool done = listen_to_init(out, &m);
	kill(out->init, SIGKILL); /* and with it everything else inside */
	while (waitpid(out->init, NULL, 0) < 0 && errno == EINTR)
		;
	if (out->tty >= 0)
		tcsetpgrp(out->tty, getpgrp());
	if (done) {
		*err = m.err;
		return m.code ? m.code : m.exit;
	}
	return out->last_signal
		       ? 128 + out->last_signal
		       : sp_error_set(err, SP_E_LIBRARY, "the lab's first process was killed");
}

static int run_outside(struct lab_start *s, int fd, int signals, struct sp_error *err)
{
	bool user_namespace;
	int go = 1, init_fd = s->fd;
	struct outside out = {.fd = fd, .signals = signals, .tty = s->tty};
	out.init = clone_init(!s->missing, &user_namespace);
	if (out.init == 0)
		lab_init_main(s);
	int e = out.init < 0 ? -errno : 0;
	close(init_fd);
	if (e)
		return denied(s->missing, err, e);
	if (user_namespace)
		e = map_ids(out.init);
	if (e) {
		kill(out.init, SIGKILL);
		waitpid(out.init, NULL, 0);
		return denied(s->missing, err, e);
	}
	ssize_t n = send(fd, &go, sizeof(go), MSG_NOSIGNAL);
	(void)n; /* when init is gone already, listening shows it */
	return attend(&out, err);
}

/* Blocks the signals that end the lab, and SIGTTOU so that it may take the terminal back. */
static int block_signals(sigset_t *old)
{
	sigset_t ours;
	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGQUIT);
	sigprocmask(SIG_BLOCK, &ours, old);
	int fd = signalfd(-1, &ours, SFD_CLOEXEC);
	sigaddset(&ours, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ours, NULL);
	return fd;
}

static int start_lab(struct lab_start *s, struct sp_error *err)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return sp_error_set(err, -errno, "no socket: %s", strerror(errno));
	s->tty = own_terminal();
	int signals = block_signals(&s->mask);
	s->fd = fds[1];
	int e = run_outside(s, fds[0], signals, err);
	close(fds[0]);
	close(signals);
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
	return e;
}

static void tell(struct arena *a, const struct lab_options *o, const struct lab_order *order)
{
	const struct lab_knobs *k = &order->knobs;
	if (o->note)
		o->note(arena_printf(
			a, "link delay %g ms, jitter %g ms, loss %g, reorder %g, seed=%llu",
			k->delay_ms, k->jitter_ms, k->loss, k->reorder,
			(unsigned long long)order->seed));
}

static int find_self(struct lab_start *s, struct sp_error *err)
{
	ssize_t n = readlink("/proc/self/exe", s->self, sizeof(s->self) - 1);
	s->self[n < 0 ? 0 : n] = '\0';
	return n < 0 ? sp_error_set(err, -errno, "/proc/self/exe: %s", strerror(errno)) : 0;
}

int lab_run(const struct lab_options *o, char *const argv[], struct sp_error *err)
{
	struct arena *a = arena_new();
	struct lab_order order;
	struct lab_start s = {.options = o, .order = &order, .argv = argv};
	int e = find_self(&s, err);
	if (!e)
		e = lab_order_parse(a, o->faults, &order, err);
	if (!e)
		e = profile_load(a, o->profile, &s.profile, err);
	if (!e && !order.seeded)
		e = crypto_random(&order.seed, sizeof(order.seed));
	if (!e) {
		tell(a, o, &order);
		s.missing = missing_capabilities(a);
		e = start_lab(&s, err);
	}
	arena_free(a);
	return e;
}
