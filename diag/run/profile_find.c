/*
 * Where profiles are found: /etc/sallyport/profiles first, then share/sallyport/profiles beside the
 * program (bin/../share), then the prefix it was built for.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sallyport/nearest.h"
#include "sallyport/profile.h"
#include "sallyport/text.h"

enum { DIRS = 3, MAX_PROFILES = 64 };

static void profile_dirs(struct arena *a, const char *out[DIRS])
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	out[0] = "/etc/sallyport/profiles";
	out[1] = arena_printf(a, "%s/../share/sallyport/profiles", exe);
	out[2] = SP_PREFIX "/share/sallyport/profiles";
}

static int read_file(struct arena *a, const char *path, const char **text, size_t *n,
		     struct sp_error *err)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return sp_error_at(err, errno == ENOENT ? SP_E_MISSING : -errno, path, 0, 0, "%s",
				   strerror(errno));
	char *buf = arena_alloc(a, PROFILE_MAX_BYTES + 1);
	*n = fread(buf, 1, PROFILE_MAX_BYTES + 1, f);
	int bad = ferror(f) ? errno : 0;
	fclose(f);
	if (bad)
		return sp_error_at(err, -bad, path, 0, 0, "%s", strerror(bad));
	*text = buf;
	return 0;
}

static int load_path(struct arena *a, const char *path, const struct profile **out,
		     struct sp_error *err)
{
	const char *text;
	size_t n;
	int e = read_file(a, path, &text, &n, err);
	return e ? e : profile_parse(a, path, text, n, out, err);
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static size_t add_names(struct arena *a, const char *dir, const char **names, size_t n)
{
	DIR *d = opendir(dir);
	for (struct dirent *e; d && n < MAX_PROFILES && (e = readdir(d));) {
		size_t len = strlen(e->d_name);
		if (len < 5 || strcmp(e->d_name + len - 4, ".ini"))
			continue;
		char *name = arena_strdup(a, e->d_name);
		name[len - 4] = '\0';
		bool seen = false;
		for (size_t i = 0; i < n; i++)
			seen |= strcmp(names[i], name) == 0;
		if (!seen)
			names[n++] = name;
	}
	if (d)
		closedir(d);
	return n;
}

size_t profile_list(struct arena *a, const char ***out)
{
	const char *dirs[DIRS], **names = arena_alloc(a, MAX_PROFILES * sizeof(char *));
	size_t n = 0;
	profile_dirs(a, dirs);
	for (unsigned i = 0; i < DIRS; i++)
		n = add_names(a, dirs[i], names, n);
	qsort(names, n, sizeof(*names), by_name);
	*out = names;
	return n;
}

static int no_such(struct arena *a, const char *name, struct sp_error *err)
{
	const char **names;
	struct nearest near = { .word = name };
	size_t n = profile_list(a, &names);
	for (size_t i = 0; i < n; i++)
		nearest_offer(&near, names[i]);
	return sp_error_set(err, SP_E_MISSING,
			    "no profile named '%s'%s (`sallyport list` shows them; a path needs a '/')", name,
			    nearest_text(a, &near));
}

int profile_load(struct arena *a, const char *name_or_path, const struct profile **out,
		 struct sp_error *err)
{
	if (strchr(name_or_path, '/'))
		return load_path(a, name_or_path, out, err);
	const char *dirs[DIRS];
	profile_dirs(a, dirs);
	for (unsigned i = 0; i < DIRS; i++) {
		const char *path = arena_printf(a, "%s/%s.ini", dirs[i], name_or_path);
		if (access(path, F_OK) == 0)
			return load_path(a, path, out, err);
	}
	return no_such(a, name_or_path, err);
}
