/* CMD, or a shell, as a program on the device. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diag/lab/inside.h"

/* What would lead CMD past the lab's network. */
static const char *const forgotten[] = {
	"http_proxy",        "https_proxy",           "all_proxy",   "no_proxy",
	"HTTP_PROXY",        "HTTPS_PROXY",           "ALL_PROXY",   "NO_PROXY",
	"SSL_CERT_DIR",      "RES_OPTIONS",           "LOCALDOMAIN", "HOSTALIASES",
	"SALLYPORT_LAB_FAR", "SALLYPORT_LAB_GATEWAY",
};

static void set_file(const char *name, const struct lab_world *w, const char *file)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", w->dir, file);
	setenv(name, path, 1);
}

void lab_command_env(const struct lab_world *w)
{
	set_file("SALLYPORT_IDENTITY_KEY", w, "identity.pem");
	set_file("SSL_CERT_FILE", w, "ca.pem");
}

/* Inside, `sallyport` is the program that started the lab. */
static int link_self(const struct lab_world *w, struct sp_error *err)
{
	char link[160], bin[128];
	snprintf(bin, sizeof(bin), "%s/bin", w->dir);
	snprintf(link, sizeof(link), "%s/sallyport", bin);
	if (mkdir(bin, 0755) || symlink(w->self, link))
		return sp_error_set(err, -errno, "%s: %s", link, strerror(errno));
	const char *path = getenv("PATH");
	size_t cap = strlen(bin) + (path ? strlen(path) : 0) + 64;
	char *longer = xcalloc(1, cap);
	snprintf(longer, cap, "%s:%s", bin, path ? path : "/usr/local/bin:/usr/bin:/bin");
	setenv("PATH", longer, 1);
	free(longer);
	return 0;
}

/* The codes that shells, env(1) and timeout(1) have for it. */
static int not_run(const char *name, struct sp_error *err)
{
	return sp_error_set(err, errno == ENOENT ? 127 : 126, "cannot run '%s': %s", name,
			    strerror(errno));
}

static int exec_shell(const char *faults, struct sp_error *err)
{
	static char bash_plain[] = "--norc", zsh_plain[] = "-f", interactive[] = "-i";
	const char *path = getenv("SHELL");
	if (!path || access(path, X_OK))
		path = "/bin/sh";
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	bool terminal = isatty(0); /* else a shell that asks nobody reads its script from there */
	char prompt[256];
	snprintf(prompt, sizeof(prompt), "lab(%s)$ ", faults);
	setenv("PS1", prompt, 1);
	/* Start-up files would replace the prompt. */
	char *plain = strcmp(name, "bash") == 0  ? bash_plain
		      : strcmp(name, "zsh") == 0 ? zsh_plain
						 : NULL;
	char *first = plain ? plain : interactive, *second = plain ? interactive : NULL;
	char *argv[] = {xstrdup(name), terminal ? first : NULL, terminal ? second : NULL, NULL};
	execv(path, argv);
	free(argv[0]);
	return not_run(path, err);
}

/* What DHCP told the device, or in its place what a row says. */
static const char *resolv_text(struct arena *a, const struct lab_order *o, const struct lab_world *w)
{
	char resolver[ADDR_STRLEN];
	const char *own = lab_order_changes(a, o, LAB_DEVICE, LAB_RESOLV);
	if (own)
		return own;
	if (o->shape & LAB_ON_GATEWAY)
		return "nameserver 9.9.9.9\n"; /* a gateway asks its provider */
	return o->shape & LAB_NO_RESOLVER ? "# DHCP named no resolver\n"
		: arena_printf(a, "nameserver %s\n%s", addr_format(&w->resolver, resolver),
			       o->shape & LAB_TWO_RESOLVERS ? "nameserver 9.9.9.9\n" : "");
}

/* The rows' files and variables. */
static int add_changes(const struct lab_order *o, const struct lab_world *w, struct sp_error *err)
{
	int e = 0;
	for (size_t i = 0; i < o->n_faults; i++) {
		const struct lab_change *c = o->faults[i]->changes;
		for (size_t k = 0; k < LAB_CHANGES_MAX && c[k].kind && !e; k++) {
			const char *value = strchr(c[k].text, '=');
			if (c[k].kind == LAB_FILE)
				e = lab_mounts_device_file(w->dir, c[k].text, err);
			if (c[k].kind != LAB_ENV || !value)
				continue;
			char *name = xstrdup(c[k].text);
			name[value - c[k].text] = '\0';
			setenv(name, value + 1, 1);
			free(name);
		}
	}
	return e;
}

int lab_command_exec(const struct lab_order *o, const struct lab_world *w, const char *faults,
		     int node_fd, char *const argv[], struct sp_error *err)
{
	struct arena *a = arena_new();
	int e = lab_net_enter(node_fd, err);
	if (!e)
		e = lab_mounts_device(w->dir, resolv_text(a, o, w), err);
	arena_free(a);
	if (!e)
		e = link_self(w, err);
	if (e)
		return e;
	for (size_t i = 0; i < sizeof(forgotten) / sizeof(forgotten[0]); i++)
		unsetenv(forgotten[i]);
	e = add_changes(o, w, err);
	if (e)
		return e;
	lab_command_env(w);
	if (!argv || !argv[0])
		return exec_shell(faults, err);
	execvp(argv[0], argv);
	return not_run(argv[0], err);
}
