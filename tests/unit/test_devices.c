/* --device and --devices: what is taken for a device, and that a slip is located and refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "diag/run/devices.h"

static struct settings s;
static struct sp_error err;

static int add(const char *value)
{
	memset(&err, 0, sizeof(err));
	s.n_devices = 0;
	return devices_add(&s, value, &err);
}

static void fields_are_known_by_their_form(void **state)
{
	(void)state;
	assert_int_equal(add("02-00-5E-00-53-01, 192.168.77.20 , pump 3 "), 0);
	assert_string_equal(s.devices[0].mac, "02:00:5e:00:53:01");
	assert_string_equal(s.devices[0].ip, "192.168.77.20");
	assert_string_equal(s.devices[0].name, "pump 3");
	assert_int_equal(add("2001:DB8::1,,7"), 0);
	assert_string_equal(s.devices[0].mac, "");
	assert_string_equal(s.devices[0].ip, "2001:db8::1");
	assert_string_equal(s.devices[0].name, "7");
}

/* Each would open more than one device, or something else than was meant. */
static void what_is_no_device_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "pump", "any", "*", "0.0.0.0", "255.255.255.255", "127.0.0.1", "::", "::1", "224.0.0.1",
		"ff02::1", "192.168.77.0/24", "192.168.077.020", "192.168.77", "3232255508", "fe80::1%eth0",
		"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "02:00:5e:00:53",
		"02005e005301", "02:00:5e:00:53:01,192.168.077.020", "02:00:5e:00:53:01,10.0.0.300",
		"02:00:5e:00:53:01,0.0.0.0", "02:00:5e:00:53:01,02-00-5e-00-53", "02:00:5e:00:53:01,a;b",
		"02:00:5e:00:53:01,a\nb", "02:00:5e:00:53:01,\x1b[31mred", "02:00:5e:00:53:01,`id`",
		"02:00:5e:00:53:01,\"q\"", "02:00:5e:00:53:01,=1+1", "02:00:5e:00:53:01,-1",
		"02:00:5e:00:53:01,a,b", "02:00:5e:00:53:01,02:00:5e:00:53:02",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (add(bad[i]) != SP_E_USAGE)
			fail_msg("taken for a device: %s", bad[i]);
		assert_int_equal(s.n_devices, 0);
		for (const char *c = err.text; *c; c++)
			assert_in_range(*c, 0x20, 0x7e);
	}
}

static void file_with(const char *text, size_t n, char path[32])
{
	memcpy(path, "/tmp/sallyport-devices-XXXXXX", sizeof("/tmp/sallyport-devices-XXXXXX"));
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, text, n) == (ssize_t)n);
	close(fd);
}

static int read_text(const char *text, size_t n)
{
	char path[32];
	memset(&err, 0, sizeof(err));
	s.n_devices = 0;
	file_with(text, n, path);
	int e = devices_read(&s, "--devices", path, &err);
	unlink(path);
	return e;
}

static void a_file_is_read_line_by_line(void **state)
{
	(void)state;
	const char text[] = "# pumps\r\n\r\n02:00:5e:00:53:01,192.168.77.20,pump 1\r\n"
			    "  02:00:5e:00:53:02 # spare\n10.0.0.7";
	assert_int_equal(read_text(text, sizeof(text) - 1), 0);
	assert_int_equal(s.n_devices, 3);
	assert_string_equal(s.devices[1].mac, "02:00:5e:00:53:02");
	assert_string_equal(s.devices[2].ip, "10.0.0.7");
	assert_int_equal(devices_read(&s, "--devices", "/nonexistent/devices.csv", &err), -ENOENT);
}

static void an_error_in_a_file_is_located(void **state)
{
	(void)state;
	char line[256], want[32];
	static const struct {
		const char *text;
		unsigned line, column;
	} rows[] = {
		{ "02:00:5e:00:53:01\n02:00:5e:00:53:02,192.168.077.020\n", 2, 19 },
		{ "02:00:5e:00:53:01, 10.0.0.1, p\x1b[31m\n", 1, 30 },
		{ "\n\nmac,ip,name\n", 3, 1 },
		{ "02:00:5e:00:53:01,10.0.0.1,a,b", 1, 30 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(read_text(rows[i].text, strlen(rows[i].text)), SP_E_MALFORMED);
		snprintf(want, sizeof(want), ":%u:%u: ", rows[i].line, rows[i].column);
		if (!strstr(sp_error_format(&err, line, sizeof(line)), want))
			fail_msg("%s lacks %s", line, want);
		assert_null(strchr(line, 0x1b));
	}
}

/* A long line is not read as two, a NUL does not hide the rest of one. */
static void odd_lines_are_refused(void **state)
{
	(void)state;
	char text[3000];
	memset(text, 'a', sizeof(text));
	memcpy(text, "02:00:5e:00:53:01,", 18);
	assert_int_equal(read_text(text, sizeof(text)), SP_E_MALFORMED);
	assert_int_equal(err.line, 1);
	assert_int_equal(read_text("02:00:5e:00:53:01\0;\n", 20), SP_E_MALFORMED);
	assert_int_equal(read_text("02:00:5e:00:53:01,a\r,b\n", 23), SP_E_MALFORMED);
}

static void there_is_a_limit(void **state)
{
	(void)state;
	s.n_devices = SETTINGS_MAX_DEVICES;
	assert_int_equal(devices_add(&s, "10.0.0.1", &err), SP_E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_known_by_their_form),
		cmocka_unit_test(what_is_no_device_is_refused),
		cmocka_unit_test(a_file_is_read_line_by_line),
		cmocka_unit_test(an_error_in_a_file_is_located),
		cmocka_unit_test(odd_lines_are_refused),
		cmocka_unit_test(there_is_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
