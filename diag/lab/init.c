/*
 * PID 1 of the lab. When it ends, for whatever reason, the kernel kills every process of its PID
 * namespace and with them go the network and mount namespaces: that is all of the teardown. It
 * ends when CMD has ended, when a server dies, and when the parent is gone (death signal, or end
 * of file on the socket).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "diag/lab/inside.h"

enum { HELPERS = 5 };

struct init {
	const struct lab_start *start;
	struct arena *arena;
	struct lab_world world;
	int fds[LAB_NODE_COUNT];
	struct helper {
		const char *name;
		unsigned need; /* bits of the shape */
		enum lab_node node;
		enum lab_side side; /* of run_servers */
		int (*run)(struct init *in, const struct helper *h, int ready, struct sp_error *err);
		pid_t pid; /* 0: not running */
		int ready;
	} helpers[HELPERS];
	pid_t command;
	mode_t umask;
};

void lab_ready(int fd, int code, const struct sp_error *err)
{
	struct lab_readiness r = {.code = code};
	if (err)
		r.err = *err;
	ssize_t n = write(fd, &r, sizeof(r)); /* nobody to tell when init is gone */
	(void)n;
	close(fd);
}

static _Noreturn void leave(const struct init *in, int code, int exit_code,
			    const struct sp_error *err)
{
	struct lab_message m = {.type = LAB_MSG_DONE, .code = code, .exit = exit_code};
	if (err)
		m.err = *err;
	ssize_t n = send(in->start->fd, &m, sizeof(m), MSG_NOSIGNAL);
	(void)n;
	_exit(0);
}

static int run_servers(struct init *in, const struct helper *h, int ready, struct sp_error *err)
{
	return lab_side_run(h->side, in->start->order, &in->world, ready, err);
}

static int run_link(struct init *in, const struct helper *h, int ready, struct sp_error *err)
{
	const struct lab_order *o = in->start->order;
	(void)h;
	return lab_link_run(&o->knobs, o->seed, ready, err);
}

static int run_tunnel(struct init *in, const struct helper *h, int ready, struct sp_error *err)
{
	(void)h;
	return lab_tunnel_run(in->fds[LAB_FAR], ready, err);
}

/* Servers keep stderr, for a sanitizer's last words; stdout belongs to CMD alone. */
static void detach_stdio(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, 0);
	dup2(null, 1);
}

static int helper_start(struct init *in, struct helper *h, struct sp_error *err)
{
	int pipes[2];
	if (pipe2(pipes, O_CLOEXEC))
		return sp_error_set(err, -errno, "no pipe: %s", strerror(errno));
	h->pid = fork();
	if (h->pid == 0) {
		struct sp_error why = {0};
		close(in->start->fd);
		setsid(); /* the terminal's signals are not for servers */
		detach_stdio();
		int e = lab_net_enter(in->fds[h->node], &why);
		if (!e)
			e = h->run(in, h, pipes[1], &why);
		lab_ready(pipes[1], e, &why);
		_exit(1);
	}
	close(pipes[1]);
	h->ready = pipes[0];
	return h->pid > 0 ? 0 : sp_error_set(err, -errno, "no process: %s", strerror(errno));
}

static int how_it_ended(const char *name, int status, struct sp_error *err)
{
	if (WIFSIGNALED(status))
		return sp_error_set(err, SP_E_LIBRARY, "%s was killed by signal %d (%s)", name,
				    WTERMSIG(status), strsignal(WTERMSIG(status)));
	return sp_error_set(err, SP_E_LIBRARY, "%s ended with %d", name, WEXITSTATUS(status));
}

static int helper_wait_ready(struct helper *h, struct sp_error *err)
{
	struct lab_readiness r;
	ssize_t n = read(h->ready, &r, sizeof(r));
	close(h->ready);
	if (n == (ssize_t)sizeof(r)) {
		if (r.code)
			*err = r.err;
		return r.code;
	}
	int status = 0;
	waitpid(h->pid, &status, 0);
	return how_it_ended(h->name, status, err);
}

static int start_helpers(struct init *in, struct sp_error *err)
{
	static const struct helper wanted[HELPERS] = {
		{"the gateway's servers", 0, LAB_GATEWAY, LAB_SIDE_GATEWAY, run_servers, 0, 0},
		{"the far side's servers", 0, LAB_FAR, LAB_SIDE_FAR, run_servers, 0, 0},
		{"the device's servers", LAB_STUB, LAB_DEVICE, LAB_SIDE_DEVICE, run_servers, 0, 0},
		{"the user-space link", LAB_RELAY, LAB_LINK, 0, run_link, 0, 0},
		{"the VPN", LAB_VPN, LAB_DEVICE, 0, run_tunnel, 0, 0},
	};
	const struct lab_order *o = in->start->order;
	int e = 0;
	for (size_t i = 0; i < HELPERS && !e; i++) {
		const struct helper *h = &wanted[i];
		in->helpers[i] = *h;
		if ((h->need & ~o->shape) == 0 &&
		    (h->run != run_servers || lab_side_has_servers(h->side, o)))
			e = helper_start(in, &in->helpers[i], err);
	}
	for (size_t i = 0; i < HELPERS && !e; i++)
		if (in->helpers[i].pid > 0)
			e = helper_wait_ready(&in->helpers[i], err);
	return e;
}

/* Runs a shell line on a side to its end; what it leaves in the background stays. */
static int run_hook(struct init *in, const char *name, enum lab_node node, const char *line,
		    struct sp_error *err)
{
	if (!line || !*line)
		return 0;
	pid_t pid = fork();
	if (pid == 0) {
		struct sp_error ignored;
		sigprocmask(SIG_SETMASK, &in->start->mask, NULL);
		detach_stdio();
		dup2(2, 1);
		setenv("LAB_DIR", in->world.dir, 1);
		lab_command_env(&in->world);
		if (lab_net_enter(in->fds[node], &ignored) == 0)
			execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return sp_error_set(err, -errno, "%s: %s", name, strerror(errno));
	return status ? how_it_ended(name, status, err) : 0;
}

static _Noreturn void command_body(struct init *in, int ready)
{
	const struct lab_start *s = in->start;
	struct sp_error why = {0};
	if (s->tty >= 0) { /* a job of its own, so that the terminal's signals reach all of it */
		setpgid(0, 0);
		tcsetpgrp(s->tty, getpid());
	}
	umask(in->umask);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
	enum lab_node node = s->order->shape & LAB_ON_GATEWAY ? LAB_GATEWAY : LAB_DEVICE;
	int e = lab_command_exec(s->order, &in->world, s->options->faults, in->fds[node], s->argv,
				 &why);
	lab_ready(ready, e, &why);
	_exit(1);
}

static int start_command(struct init *in, struct sp_error *err)
{
	int pipes[2];
	if (pipe2(pipes, O_CLOEXEC))
		return sp_error_set(err, -errno, "no pipe: %s", strerror(errno));
	in->command = fork();
	if (in->command == 0)
		command_body(in, pipes[1]);
	close(pipes[1]);
	struct lab_readiness r;
	ssize_t n = in->command > 0 ? read(pipes[0], &r, sizeof(r)) : 0; /* 0: it became CMD */
	close(pipes[0]);
	if (n == (ssize_t)sizeof(r)) {
		*err = r.err;
		return r.code;
	}
	return in->command > 0 ? 0 : sp_error_set(err, -errno, "no process: %s", strerror(errno));
}

static int set_up(struct init *in, struct sp_error *err)
{
	const struct lab_start *s = in->start;
	char dir[64];
	int e = lab_mounts_private(dir, sizeof(dir), err);
	if (e)
		return e;
	lab_world_init(&in->world, s->profile, &s->order->knobs, dir);
	in->world.self = s->self;
	e = lab_keys_make(&in->world, err);
	if (!e)
		e = lab_mounts_file(dir, "names", lab_world_names(in->arena, &in->world), err);
	if (!e)
		e = lab_net_build(in->arena, s->order, &in->world, in->fds, err);
	if (!e)
		e = start_helpers(in, err);
	if (!e)
		e = run_hook(in, "SALLYPORT_LAB_GATEWAY", LAB_GATEWAY, s->options->gateway_hook,
			     err);
	if (!e)
		e = run_hook(in, "SALLYPORT_LAB_FAR", LAB_FAR, s->options->far_hook, err);
	return e ? e : start_command(in, err);
}

static void on_child(struct init *in, pid_t pid, int status)
{
	struct sp_error err = {0};
	if (pid == in->command && WIFSTOPPED(status) && in->start->tty >= 0) {
		struct lab_message m = {.type = LAB_MSG_STOPPED};
		ssize_t n = send(in->start->fd, &m, sizeof(m), MSG_NOSIGNAL);
		(void)n;
	}
	if (WIFSTOPPED(status))
		return;
	if (pid == in->command)
		leave(in, 0, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
		      NULL);
	for (size_t i = 0; i < HELPERS; i++)
		if (pid == in->helpers[i].pid)
			leave(in, how_it_ended(in->helpers[i].name, status, &err), 0, &err);
}

static void on_parent(struct init *in)
{
	int word;
	if (recv(in->start->fd, &word, sizeof(word), 0) != (ssize_t)sizeof(word))
		_exit(0); /* the parent is gone */
	pid_t job = in->start->tty >= 0 ? -in->command : in->command;
	if (word == LAB_RESUME) {
		tcsetpgrp(in->start->tty, in->command);
		word = SIGCONT;
	}
	kill(job, word);
}

static _Noreturn void watch(struct init *in, int signals)
{
	struct pollfd p[] = {{signals, POLLIN, 0}, {in->start->fd, POLLIN, 0}};
	for (;;) {
		struct signalfd_siginfo si;
		int status;
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents) {
			ssize_t n = read(signals, &si, sizeof(si));
			(void)n; /* one signal may stand for several children */
			for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;)
				on_child(in, pid, status);
		}
		if (p[1].revents)
			on_parent(in);
	}
}

void lab_init_main(const struct lab_start *s)
{
	struct init in = {.start = s, .arena = arena_new(), .umask = umask(022)};
	struct sp_error err = {0};
	int go;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (recv(s->fd, &go, sizeof(go), 0) != (ssize_t)sizeof(go)) /* user ids are mapped now */
		_exit(0);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTTOU); /* so that it may give the terminal away */
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigdelset(&set, SIGTTOU);
	int signals = signalfd(-1, &set, SFD_CLOEXEC);
	int e = set_up(&in, &err);
	if (e)
		leave(&in, e < 0 ? e : 0, e < 0 ? 0 : e, &err);
	watch(&in, signals);
}
