/* One side's servers, in one process on one loop. */
#include <signal.h>
#include <unistd.h>

#include "diag/lab/inside.h"

bool lab_side_has_servers(enum lab_side side, const struct lab_order *o)
{
	for (size_t i = 0; i < n_lab_servers; i++)
		if (lab_servers[i]->side == side && !lab_order_without(o, lab_servers[i]->name))
			return true;
	return false;
}

int lab_side_run(enum lab_side side, const struct lab_order *o, const struct lab_world *w,
		 int ready_fd, struct sp_error *err)
{
	struct loop *l = loop_new();
	signal(SIGPIPE, SIG_IGN); /* a client may close while we write */
	for (size_t i = 0; i < n_lab_servers; i++) {
		const struct lab_server *s = lab_servers[i];
		if (s->side != side || lab_order_without(o, s->name))
			continue;
		int e = s->start(l, w);
		if (e < 0)
			return sp_error_set(err, e, "server '%s' does not start: %s", s->name,
					    sp_strerror(e));
	}
	lab_ready(ready_fd, 0, NULL);
	loop_run(l);
	return 0;
}
