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
	char self[PATH_MAX], link[160], bin[128];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return sp_error_set(err, -errno, "/proc/self/exe: %s", strerror(errno));
	self[n] = '\0';
	snprintf(bin, sizeof(bin), "%s/bin", w->dir);
	snprintf(link, sizeof(link), "%s/sallyport", bin);
	if (mkdir(bin, 0755) || symlink(self, link))
		return sp_error_set(err, -errno, "%s: %s", link, strerror(errno));
	const char *path = getenv("PATH");
	size_t cap = strlen(bin) + (path ? strlen(path) : 0) + 64;
	char *longer = xcalloc(1, cap);
	snprintf(longer, cap, "%s:%s", bin, path ? path : "/usr/local/bin:/usr/bin:/bin");
	setenv("PATH", longer, 1);
	free(longer);
	return 0;
}

static int exec_shell(const char *faults, struct sp_error *err)
{
	static char bash_plain[] = "--norc", zsh_plain[] = "-f", interactive[] = "-i";
	const char *path = getenv("SHELL");
	if (!path || access(path, X_OK))
		path = "/bin/sh";
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char prompt[256];
	snprintf(prompt, sizeof(prompt), "lab(%s)$ ", faults);
	setenv("PS1", prompt, 1);
	/* Start-up files would replace the prompt. */
	char *plain = strcmp(name, "bash") == 0  ? bash_plain
		      : strcmp(name, "zsh") == 0 ? zsh_plain
						 : NULL;
	char *argv[] = {xstrdup(name), plain ? plain : interactive, plain ? interactive : NULL,
			NULL};
	execv(path, argv);
	free(argv[0]);
	return sp_error_set(err, SP_E_MISSING, "cannot run %s: %s", path, strerror(errno));
}

int lab_command_exec(const struct lab_order *o, const struct lab_world *w, const char *faults,
		     int node_fd, char *const argv[], struct sp_error *err)
{
	/* A gateway asks its provider; a device the gateway. */
	static const struct addr provider = {4, {9, 9, 9, 9}};
	const struct addr *server = o->shape & LAB_ON_GATEWAY ? &provider : &w->resolver;
	char resolver[ADDR_STRLEN], resolv[128] = "# DHCP named no resolver\n";
	if (!(o->shape & LAB_NO_RESOLVER))
		snprintf(resolv, sizeof(resolv), "nameserver %s\n", addr_format(server, resolver));
	int e = lab_net_enter(node_fd, err);
	if (!e)
		e = lab_mounts_device(w->dir, resolv, err);
	if (!e)
		e = link_self(w, err);
	if (e)
		return e;
	for (size_t i = 0; i < sizeof(forgotten) / sizeof(forgotten[0]); i++)
		unsetenv(forgotten[i]);
	lab_command_env(w);
	if (!argv || !argv[0])
		return exec_shell(faults, err);
	execvp(argv[0], argv);
	return sp_error_set(err, SP_E_MISSING, "cannot run '%s': %s", argv[0], strerror(errno));
}
