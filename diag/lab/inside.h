/*
 * What the files of diag/lab share: the parsed order, the topology, and the steps of setting up.
 *
 * Promises: everything here runs inside the lab's own PID, mount and network namespaces, except
 * lab_order_parse() and what lab.c does. Functions return 0 or a negative code with *err filled.
 */
#ifndef SALLYPORT_LAB_INSIDE_H
#define SALLYPORT_LAB_INSIDE_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sallyport/arena.h"
#include "sallyport/err.h"
#include "sallyport/lab.h"

/* ---- what was asked for (order.c, pure) ------------------------------------------------------ */
struct lab_order {
	const struct lab_fault *faults[LAB_FAULTS_MAX];
	size_t n_faults;
	unsigned shape;
	struct lab_knobs knobs;
	bool seeded;
	uint64_t seed;
	const char *without[LAB_FAULTS_MAX]; /* servers not to start */
	size_t n_without;
};
/* SP_E_USAGE for an unknown name, a bad value, or two faults that want one knob differently. */
int lab_order_parse(struct arena *a, const char *text, struct lab_order *out, struct sp_error *err);
bool lab_order_without(const struct lab_order *o, const char *server);
/* All changes of one kind for one node, one per line; NULL when there are none. */
const char *lab_order_changes(struct arena *a, const struct lab_order *o, enum lab_node node,
			      enum lab_change_kind kind);

/* ---- the world (world.c) ---------------------------------------------------------------------- */
/* Addresses and names: pure. */
void lab_world_init(struct lab_world *w, const struct profile *p, const struct lab_knobs *knobs,
		    const char *dir);
/* Lines "ADDRESS ROLE NAME" for servers that take the place of the lab's own. ROLE is the profile's
 * probe, control, resolver or resolver-elsewhere; a name covers the names below it. */
const char *lab_world_names(struct arena *a, const struct lab_world *w);

/* ---- topology (topology.c): data to text, pure ------------------------------------------------ */
const char *lab_node_name(enum lab_node n);
bool lab_node_exists(enum lab_node n, unsigned shape);
/* `ip -batch` lines that make every veth pair; fds are the namespaces' file descriptors. */
const char *lab_links_text(struct arena *a, unsigned shape, const int fds[LAB_NODE_COUNT]);
/* `ip -batch` lines of one node: addresses, routes, then the faults' own. */
const char *lab_node_text(struct arena *a, const struct lab_order *o, enum lab_node n);
/* nftables rule set of one node, NULL when it has none. */
const char *lab_rules_text(struct arena *a, const struct lab_order *o, const struct lab_world *w,
			   enum lab_node n);
/* "net/ipv4/name=value" lines of one node. */
const char *lab_sysctl_text(struct arena *a, const struct lab_order *o, enum lab_node n);
/* Interfaces the user-space link reads, and the ends whose offloads must be off. */
#define LAB_LINK_NEAR "near0"
#define LAB_LINK_AWAY "away0"
/* The gateway's LAN side, where CMD runs on the gateway. */
#define LAB_BRIDGE "br-lan"
/* Both ends of the VPN. */
#define LAB_TUNNEL "tun0"

/* ---- namespaces and tools (net.c) ------------------------------------------------------------- */
/* Makes one namespace per node of the shape and builds the topology in them. */
int lab_net_build(struct arena *a, const struct lab_order *o, const struct lab_world *w,
		  int fds[LAB_NODE_COUNT], struct sp_error *err);
int lab_net_enter(int fd, struct sp_error *err);

/* ---- mounts (mounts.c) ------------------------------------------------------------------------ */
/* Private mounts, /proc of this PID namespace, and a scratch directory whose path goes to dir. */
int lab_mounts_private(char *dir, size_t cap, struct sp_error *err);
/* Writes a file of the scratch directory. */
int lab_mounts_file(const char *dir, const char *name, const char *text, struct sp_error *err);
/* For the device: its own /sys and resolv.conf (text), no way to the host's name services and to
 * what its network programs left. */
int lab_mounts_device(const char *dir, const char *resolv, struct sp_error *err);
/* Then a file of the device alone; text is the path, a line end, and what it holds. */
int lab_mounts_device_file(const char *dir, const char *text, struct sp_error *err);

/* ---- keys (keys.c) ---------------------------------------------------------------------------- */
/* Makes the keys of the world and writes dir/identity.pem and dir/ca.pem. */
int lab_keys_make(struct lab_world *w, struct sp_error *err);

/* ---- processes inside (side.c, link.c, tunnel.c) ---------------------------------------------- */
/* Bodies of child processes: say lab_ready() once everything listens, then stay. They return (with
 * *err) only when something went wrong before. */
bool lab_side_has_servers(enum lab_side side, const struct lab_order *o);
int lab_side_run(enum lab_side side, const struct lab_order *o, const struct lab_world *w,
		 int ready_fd, struct sp_error *err);
int lab_link_run(const struct lab_knobs *k, uint64_t seed, int ready_fd, struct sp_error *err);
/* Starts in the device's namespace and goes on to far_fd's. */
int lab_tunnel_run(int far_fd, int ready_fd, struct sp_error *err);

/* Child processes of init tell it by this that they are ready, or why not. */
struct lab_readiness {
	int code;
	struct sp_error err;
};
void lab_ready(int fd, int code, const struct sp_error *err);

/* ---- CMD (command.c) --------------------------------------------------------------------------- */
/* In a fresh child: enters CMD's node, and becomes argv. Returns only when it cannot: negative, or 126 or
 * 127 when only the last step failed. */
int lab_command_exec(const struct lab_order *o, const struct lab_world *w, const char *faults,
		     int node_fd, char *const argv[], struct sp_error *err);
/* Sets LAB_DIR and the key files for hooks, and for CMD those two that it may know. */
void lab_command_env(const struct lab_world *w);

/* ---- PID 1 (init.c) --------------------------------------------------------------------------- */
/* What init tells the parent. */
struct lab_message {
	enum lab_message_type { LAB_MSG_DONE, LAB_MSG_STOPPED } type;
	int code; /* 0 or a negative code with err */
	int exit; /* of CMD */
	struct sp_error err;
};
/* What the parent tells init: a signal number for CMD, or LAB_RESUME. */
enum { LAB_RESUME = 0 };
struct lab_start {
	const struct lab_options *options;
	const struct lab_order *order;
	const struct profile *profile;
	char self[PATH_MAX]; /* this program, as it is called outside: inside, /proc may not know */
	const char *missing; /* privileges, by name; NULL when all are there */
	char *const *argv; /* NULL: a shell */
	int fd;            /* socket to the parent: SOCK_SEQPACKET; one int comes first */
	int tty;           /* the terminal that CMD may have for itself, or -1 */
	sigset_t mask;     /* of signals, for CMD */
};
_Noreturn void lab_init_main(const struct lab_start *s);

#endif
