/* Web proxies: values of the environment, PAC files, CONNECT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/err.h"
#include "sallyport/wire/proxy.h"

static void values(void **state)
{
	static const struct {
		const char *value, *host;
		uint16_t port;
	} good[] = { { "http://proxy.example:3128/", "proxy.example", 3128 },
		     { "proxy.example:8080", "proxy.example", 8080 },
		     { "https://proxy.example", "proxy.example", 443 },
		     { "http://10.0.0.8", "10.0.0.8", 80 },
		     { "http://me:p@ss:word@proxy.example:3128", "proxy.example", 3128 } };
	static const char *const bad[] = { "", "http://", "socks5://proxy:1080", "proxy:0", "proxy:70000",
					   "pro xy:80", "proxy:80;reboot", "http://[::1]:80",
					   "pr\x1b[31moxy:80", "proxy:8a" };
	struct proxy_address a;
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(proxy_parse(wire_text_str(good[i].value), &a), 0);
		assert_string_equal(a.host.s, good[i].host);
		assert_int_equal(a.port, good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(proxy_parse(wire_text_str(bad[i]), &a), SP_E_SYNTAX);
}

static void scripts(void **state)
{
	static const char pac[] = "function FindProxyForURL(url, host) {\n"
				  "  if (isPlainHostName(host)) return \"DIRECT\";\n"
				  "  return \"PROXY ;PROXY proxy.corp.example:8080; DIRECT\";\n}\n";
	struct proxy_address a;
	(void)state;
	assert_int_equal(pac_find_proxy((struct bytes){ (const uint8_t *)pac, sizeof(pac) - 1 }, &a), 0);
	assert_string_equal(a.host.s, "proxy.corp.example");
	assert_int_equal(a.port, 8080);
	assert_int_equal(pac_find_proxy((struct bytes){ (const uint8_t *)"PROXY ", 6 }, &a), SP_E_MISSING);
	assert_int_equal(pac_find_proxy((struct bytes){ NULL, 0 }, &a), SP_E_MISSING);
}

static void connect_request(void **state)
{
	uint8_t out[256];
	static const char want[] = "CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n"
				   "User-Agent: sallyport\r\n\r\n";
	(void)state;
	assert_int_equal(proxy_connect_build("api.example", 443, out, sizeof(out)), sizeof(want) - 1);
	assert_memory_equal(out, want, sizeof(want) - 1);
	assert_int_equal(proxy_connect_build("api.example", 443, out, 40), SP_E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(scripts),
		cmocka_unit_test(connect_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
