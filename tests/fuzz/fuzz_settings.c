/* Lists of devices (--devices FILE) and single settings: what is accepted is said again the same,
 * and nothing but MACs, addresses and tame names gets in. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sallyport/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void tame(const struct device *d)
{
	struct mac m;
	struct addr a;
	char text[ADDR_STRLEN];
	must(d->mac[0] || d->ip[0]);
	must(!d->mac[0] || (mac_parse(d->mac, &m) == 0 && strcmp(mac_format(&m, text), d->mac) == 0));
	must(!d->ip[0] || (addr_parse(d->ip, &a) == 0 && strcmp(addr_format(&a, text), d->ip) == 0));
	for (const char *c = d->name; *c; c++)
		must((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
		     (*c >= 'a' && *c <= 'z') || strchr(" ._-", *c));
}

/* The same device from its own text. */
static void again(struct arena *a, const struct device *d)
{
	struct settings s = {0};
	char text[256];
	snprintf(text, sizeof(text), "%s,%s,%s", d->mac, d->ip, d->name);
	must(setting_set(a, &s, setting_by_name("device"), text, NULL) == 0 && s.n_devices == 1);
	must(strcmp(s.devices[0].mac, d->mac) == 0 && strcmp(s.devices[0].ip, d->ip) == 0 &&
	     strcmp(s.devices[0].name, d->name) == 0);
}

static void as_file(struct arena *a, const uint8_t *p, size_t n)
{
	static struct settings s;
	char path[64];
	const char *operands[1];
	size_t n_operands;
	struct sp_error err = {0};
	int fd = memfd_create("devices", 0);
	must(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	char *argv[] = {(char[]){"sallyport"}, (char[]){"check"}, (char[]){"--devices"}, path, NULL};
	if (settings_parse(a, 4, argv, 2, &s, operands, 1, &n_operands, &err))
		must(err.text[0]);
	for (size_t i = 0; i < s.n_devices; i++) {
		tame(&s.devices[i]);
		again(a, &s.devices[i]);
	}
	close(fd);
}

static void as_values(struct arena *a, const char *value)
{
	static struct settings s, t;
	for (size_t i = 0; i < n_setting_defs; i++) {
		const struct setting_def *d = &setting_defs[i];
		struct sp_error err = {0};
		settings_defaults(a, &s);
		if (d->type == SET_DEVICE)
			continue;
		if (setting_set(a, &s, d, value, &err)) {
			must(err.text[0]);
			continue;
		}
		const char *text = setting_get(a, &s, d);
		settings_defaults(a, &t);
		must(setting_set(a, &t, d, text, &err) == 0 &&
		     strcmp(text, setting_get(a, &t, d)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena *a = arena_new();
	char value[128];
	size_t len = n < sizeof(value) - 1 ? n : sizeof(value) - 1;
	memcpy(value, p, len);
	value[len] = '\0';
	as_file(a, p, n);
	as_values(a, value);
	arena_free(a);
	return 0;
}
