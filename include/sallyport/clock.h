/*
 * Clocks and their text forms.
 *
 * Promises: times that are compared or subtracted are monotonic nanoseconds and are always passed
 * in as now_ns; the wall clock is read once per run and paired with it, because a wrong wall clock
 * is one of the things sallyport looks for.
 */
#ifndef SALLYPORT_CLOCK_H
#define SALLYPORT_CLOCK_H

#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

enum { CLOCK_STRLEN = 40 };

uint64_t clock_mono_ns(void);
int64_t clock_wall_us(void);                  /* microseconds since 1970, UTC */
int32_t clock_utc_offset_s(int64_t wall_us);  /* of the local zone at that time */

/* RFC 3339 UTC with milliseconds: 2026-11-23T22:04:05.123Z */
const char *clock_format_utc(int64_t wall_us, char out[CLOCK_STRLEN]);
/* Time of day only: "22:04:05"; offset_s is added first. */
const char *clock_format_time(int64_t wall_us, int32_t offset_s, char out[CLOCK_STRLEN]);
/* Strict RFC 3339 with 'Z'; 0 or SP_E_SYNTAX. */
int clock_parse_utc(const char *s, int64_t *out_us);

#endif
