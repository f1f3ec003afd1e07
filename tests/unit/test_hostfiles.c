/* The resolvers in other programs' files: whole, damaged and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/wire/hostfiles.h"

static struct hostfile read_text(enum hostfile_format f, const char *text)
{
	struct hostfile out = { 0 };
	hostfile_read(f, "eth0", (struct bytes){ (const uint8_t *)text, strlen(text) }, &out);
	return out;
}

static void is_resolver(const struct hostfile *f, size_t i, const char *want)
{
	char text[ADDR_STRLEN];
	assert_true(i < f->n_resolvers);
	assert_string_equal(addr_format(&f->resolvers[i], text), want);
}

static void resolv_conf(void **state)
{
	(void)state;
	struct hostfile f = read_text(HOSTFILE_RESOLV_CONF,
				      "# Interface wan\nnameserver 192.168.1.1\nsearch corp.example\n"
				      "nameserver\t2001:db8::1%eth0\r\nnameserver 192.168.1.1\noptions edns0");
	assert_int_equal(f.n_resolvers, 2);
	is_resolver(&f, 0, "192.168.1.1");
	is_resolver(&f, 1, "2001:db8::1");
	assert_string_equal(f.domain.s, "corp.example");
}

static void keys(void **state)
{
	(void)state;
	struct hostfile f = read_text(HOSTFILE_KEYS, "# This is private data. Do not parse.\n"
					"ADDRESS=192.168.1.20\nDNS=192.168.1.1 192.168.1.2\n"
					"DOMAINNAME=lan\nCAPTIVE_PORTAL=https://portal.example/api\n");
	assert_int_equal(f.n_resolvers, 2);
	is_resolver(&f, 1, "192.168.1.2");
	assert_string_equal(f.domain.s, "lan");
	assert_int_equal(f.address.b[3], 20);
	assert_string_equal(f.portal_api, "https://portal.example/api");
	f = read_text(HOSTFILE_KEYS, "SERVERS=9.9.9.9#dns.quad9.net\n");
	is_resolver(&f, 0, "9.9.9.9");
}

/* The last lease of the interface counts, as dhclient itself reads the file. */
static void dhclient(void **state)
{
	(void)state;
	struct hostfile f = read_text(
		HOSTFILE_DHCLIENT,
		"lease {\n  interface \"eth0\";\n  option domain-name-servers 10.0.0.1,10.0.0.2;\n}\n"
		"lease {\n  interface \"wlan0\";\n  option domain-name-servers 172.16.0.1;\n}\n"
		"lease {\n  interface \"eth0\";\n  fixed-address 10.0.0.20;\n"
		"  option domain-name-servers 10.0.0.53;\n"
		"  option domain-name \"corp.example\";\n"
		"  option unknown-252 68:74:74:70:3a:2f:2f:77:70:61:64:2f:77;\n}\n");
	assert_int_equal(f.n_resolvers, 1);
	is_resolver(&f, 0, "10.0.0.53");
	assert_int_equal(f.address.b[3], 20);
	assert_string_equal(f.domain.s, "corp.example");
	assert_string_equal(f.wpad_url, "http://wpad/w");
}

static void hostile(void **state)
{
	(void)state;
	struct hostfile f = read_text(HOSTFILE_DHCLIENT,
				      "lease {\n interface \"eth0\";\n fixed-address 192.168.77.10x;\n"
				      " option domain-name-servers 010.0.0.1, 1.2.3, $(reboot), 1.2.3.4.5;\n"
				      " option domain-name \"a b;\x1b[31m\";\n"
				      " option unknown-252 \"file:///etc/passwd\";\n"
				      " option unknown-114 68:7;\n");
	assert_int_equal(f.n_resolvers, 0);
	assert_int_equal(f.address.family, 0);
	assert_string_equal(f.wpad_url, "");
	assert_string_equal(f.portal_api, "");
	f = read_text(HOSTFILE_KEYS, "CAPTIVE_PORTAL=http://x/\x1b]0;\x07\nDNS=1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4 5.5.5.5");
	assert_null(strchr(f.portal_api, 0x1b));
	assert_int_equal(f.n_resolvers, HOSTFILE_MAX_RESOLVERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolv_conf),
		cmocka_unit_test(keys),
		cmocka_unit_test(dhclient),
		cmocka_unit_test(hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
