#include "sallyport/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sallyport/err.h"

uint64_t clock_mono_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

int64_t clock_wall_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Seconds, rounded down also before 1970, and the microseconds that are left. */
static time_t split_us(int64_t wall_us, int64_t *rest_us)
{
	int64_t s = wall_us / 1000000;
	if (wall_us % 1000000 < 0)
		s--;
	*rest_us = wall_us - s * 1000000;
	return (time_t)s;
}

int32_t clock_utc_offset_s(int64_t wall_us)
{
	int64_t rest;
	time_t t = split_us(wall_us, &rest);
	struct tm tm;
	return localtime_r(&t, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

const char *clock_format_utc(int64_t wall_us, char out[CLOCK_STRLEN])
{
	int64_t rest;
	time_t t = split_us(wall_us, &rest);
	struct tm tm;
	if (!gmtime_r(&t, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099) {
		snprintf(out, CLOCK_STRLEN, "-");
		return out;
	}
	snprintf(out, CLOCK_STRLEN, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(rest / 1000));
	return out;
}

const char *clock_format_time(int64_t wall_us, int32_t offset_s, char out[CLOCK_STRLEN])
{
	int64_t rest;
	time_t t = split_us(wall_us + (int64_t)offset_s * 1000000, &rest);
	struct tm tm;
	if (!gmtime_r(&t, &tm))
		snprintf(out, CLOCK_STRLEN, "-");
	else
		snprintf(out, CLOCK_STRLEN, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
	return out;
}

int clock_parse_utc(const char *s, int64_t *out_us)
{
	struct tm tm = { 0 };
	int ms = 0, used = 0;
	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		   &tm.tm_min, &tm.tm_sec, &used) != 6 || used != 19)
		return SP_E_SYNTAX;
	if (s[used] == '.') {
		int more = 0;
		if (sscanf(s + used, ".%3d%n", &ms, &more) != 1 || more != 4)
			return SP_E_SYNTAX;
		used += more;
	}
	if (strcmp(s + used, "Z") || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return SP_E_SYNTAX;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*out_us = (int64_t)timegm(&tm) * 1000000 + (int64_t)ms * 1000;
	return 0;
}
