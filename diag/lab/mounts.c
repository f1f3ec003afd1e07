/*
 * Mounts of the lab, all private to it: nothing is written to any file system of the host. The
 * scratch directory is a memory file system over a directory that programs do not need.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diag/lab/inside.h"

#define RESOLV "/etc/resolv.conf"

static int fail(struct sp_error *err, const char *what)
{
	int e = errno;
	return sp_error_set(err, -e, "%s: %s", what, strerror(e));
}

int lab_mounts_private(char *dir, size_t cap, struct sp_error *err)
{
	static const char *const places[] = {"/dev/shm", "/mnt", "/media", "/srv"};
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return fail(err, "cannot make mounts private");
	/* Where the system forbids it (some containers), the outer /proc serves too. */
	(void)mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (mount("lab", places[i], "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=64m"))
			continue;
		snprintf(dir, cap, "%s/sallyport-lab", places[i]);
		return mkdir(dir, 0755) ? fail(err, dir) : 0;
	}
	return fail(err, "no place for a memory file system");
}

static int write_text(const char *path, const char *text, struct sp_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t n = strlen(text);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n) {
		int e = fail(err, path);
		if (fd >= 0)
			close(fd);
		return e;
	}
	close(fd);
	return 0;
}

int lab_mounts_file(const char *dir, const char *name, const char *text, struct sp_error *err)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return write_text(path, text, err);
}

/* The host's name services talk over sockets in files, past every namespace; and what its network
 * programs keep is about another network than the device's. */
static void hide_host_services(void)
{
	static const char *const dirs[] = {
		"/run/systemd/resolve", "/run/systemd/netif",      "/run/nscd",
		"/run/dbus",            "/run/NetworkManager",     "/run/resolvconf",
		"/run/dhcpcd",          "/run/rdnssd",             "/var/lib/dhcp",
		"/var/lib/dhclient",    "/var/lib/NetworkManager", "/tmp/resolv.conf.d"};
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (access(dirs[i], F_OK) == 0)
			(void)mount("lab", dirs[i], "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
}

/* A host without resolv.conf (or with a dangling link) gets one in an overlay of /etc. */
static int overlay_etc(const char *dir, const char *resolv, struct sp_error *err)
{
	char upper[128], work[128], options[400];
	snprintf(upper, sizeof(upper), "%s/etc", dir);
	snprintf(work, sizeof(work), "%s/etc-work", dir);
	snprintf(options, sizeof(options), "lowerdir=/etc,upperdir=%s,workdir=%s", upper, work);
	if (mkdir(upper, 0755) || mkdir(work, 0755) || mount("lab", "/etc", "overlay", 0, options))
		return fail(err, "no " RESOLV ", and no overlay for one");
	if (unlink(RESOLV) && errno != ENOENT)
		return fail(err, RESOLV);
	return write_text(RESOLV, resolv, err);
}

static int replace_resolv(const char *dir, const char *resolv, struct sp_error *err)
{
	char own[128], target[PATH_MAX];
	bool exists = realpath(RESOLV, target) != NULL;
	hide_host_services();
	if (!exists)
		return overlay_etc(dir, resolv, err);
	if (access(target, F_OK)) /* it was in a directory that is hidden now, so it is ours */
		return write_text(target, resolv, err);
	snprintf(own, sizeof(own), "%s/resolv.conf", dir);
	int e = write_text(own, resolv, err);
	if (!e && mount(own, target, NULL, MS_BIND, NULL))
		e = fail(err, "cannot replace " RESOLV);
	return e;
}

int lab_mounts_device(const char *dir, const char *resolv, struct sp_error *err)
{
	if (unshare(CLONE_NEWNS))
		return fail(err, "no mount namespace");
	/* /sys/class/net shows the namespace of whoever mounted it. */
	(void)mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	return replace_resolv(dir, resolv, err);
}

/* Covers the deepest directory of path that exists, unless it is of the scratch file system already:
 * a file made below is then the device's alone. */
static int cover(const char *dir, const char *path, struct sp_error *err)
{
	char place[PATH_MAX], own[128];
	struct stat at, scratch;
	snprintf(place, sizeof(place), "%s", path);
	do
		*strrchr(place, '/') = '\0';
	while (*place && access(place, F_OK));
	if (!*place)
		return sp_error_set(err, SP_E_USAGE, "no place for %s", path);
	if (stat(place, &at) || stat(dir, &scratch))
		return fail(err, place);
	if (at.st_dev == scratch.st_dev)
		return 0;
	snprintf(own, sizeof(own), "%s/over-XXXXXX", dir);
	if (!mkdtemp(own) || chmod(own, 0755) || mount(own, place, NULL, MS_BIND, NULL))
		return fail(err, place);
	return 0;
}

int lab_mounts_device_file(const char *dir, const char *text, struct sp_error *err)
{
	char path[PATH_MAX];
	size_t n = strcspn(text, "\n");
	snprintf(path, sizeof(path), "%.*s", (int)n, text);
	int e = cover(dir, path, err);
	if (e)
		return e;
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return fail(err, path);
		*p = '/';
	}
	return write_text(path, text + n + (text[n] == '\n'), err);
}
