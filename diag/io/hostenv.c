#include "diag/io/hostenv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sallyport/text.h"
#include "sallyport/wire/proxy.h"

static void say(struct host_facts *h, const char *kind, const char *name)
{
	text_copy(h->environment, sizeof(h->environment), kind);
	text_copy(h->environment_name, sizeof(h->environment_name), name);
}

/* The first line of a small file; empty when there is none. */
static const char *first_line(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "re");
	out[0] = '\0';
	if (f && fgets(out, (int)cap, f))
		out[strcspn(out, "\n")] = '\0';
	if (f)
		fclose(f);
	return out;
}

static bool in_wsl(struct host_facts *h)
{
	char line[128];
	first_line("/proc/sys/kernel/osrelease", line, sizeof(line));
	if (!strstr(line, "microsoft") && !strstr(line, "Microsoft"))
		return false;
	say(h, "wsl", strstr(line, "WSL2") ? "WSL 2" : "WSL");
	return true;
}

static bool in_container(struct host_facts *h)
{
	static const struct {
		const char *path, *name;
	} marks[] = { { "/run/.containerenv", "podman" }, { "/.dockerenv", "docker" },
		      { "/var/run/secrets/kubernetes.io", "kubernetes" } };
	char line[64], name[32] = "";
	const char *variable = getenv("container");
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (access(marks[i].path, F_OK) == 0) {
			say(h, "container", marks[i].name);
			return true;
		}
	if (!variable || !*variable)
		variable = first_line("/run/systemd/container", line, sizeof(line));
	text_printable(name, sizeof(name), wire_text_str(variable));
	if (!*name)
		return false;
	say(h, "container", name);
	return true;
}

static bool cpu_says_guest(void)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[4096];
	bool guest = false;
	while (f && !guest && fgets(line, sizeof(line), f))
		guest = strncmp(line, "flags", 5) == 0 && strstr(line, " hypervisor");
	if (f)
		fclose(f);
	return guest;
}

static void in_vm(struct host_facts *h)
{
	static const struct {
		const char *vendor, *name;
	} vendors[] = { { "QEMU", "QEMU/KVM" },       { "VMware", "VMware" },
			{ "innotek", "VirtualBox" },  { "Oracle", "VirtualBox" },
			{ "Xen", "Xen" },             { "Parallels", "Parallels" },
			{ "Amazon EC2", "Amazon EC2" }, { "Google", "Google Cloud" },
			{ "Microsoft", "Hyper-V" } };
	char line[64];
	if (!cpu_says_guest() && access("/sys/hypervisor/type", F_OK) != 0)
		return;
	first_line("/sys/class/dmi/id/sys_vendor", line, sizeof(line));
	const char *name = "";
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]) && !*name; i++)
		name = strstr(line, vendors[i].vendor) ? vendors[i].name : "";
	say(h, "vm", name);
}

/* The proxy that this user's programs use; credentials in the value are not kept. */
static void proxy_variable(struct host_facts *h)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy",
					     "ALL_PROXY" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !h->proxy[0]; i++) {
		const char *value = getenv(names[i]);
		struct proxy_address p;
		if (!value || proxy_parse(wire_text_str(value), &p))
			continue;
		snprintf(h->proxy, sizeof(h->proxy), "%.240s:%u", p.host.s, p.port);
		text_copy(h->proxy_source, sizeof(h->proxy_source), names[i]);
	}
}

void hostenv_fill(struct host_facts *h)
{
	if (!in_wsl(h) && !in_container(h))
		in_vm(h);
	proxy_variable(h);
}
