/*
 * What a run would send: whom it contacts, on which port, with how many packets at most, and why.
 *
 * Promises: pure; a run that follows this plan contacts nobody else, and nobody more often. What is
 * sent only when something is wrong stands apart, with its condition.
 */
#ifndef SALLYPORT_FORECAST_H
#define SALLYPORT_FORECAST_H

#include "sallyport/model.h"

struct forecast_row {
	const char *host; /* a name, or an address where there is no name */
	const char *proto;
	uint16_t port;
	uint32_t packets, bytes; /* at most */
	const char *why;
	const char *when; /* NULL: always */
};

enum { FORECAST_MAX_ROWS = 512 };

struct forecast {
	const struct run *run;
	struct forecast_row *rows;
	size_t n;
};

/* Fills f for the chosen checks of a planned run; the rows live in its arena. */
void forecast_make(struct run *r, struct forecast *f);

/* For probe_def.contacts: a row is one host, protocol, port and condition; more of it adds up. */
void forecast_add(struct forecast *f, const struct forecast_row *row);
/* The resolvers are asked for this name before anything else can be sent to it. */
void forecast_name(struct forecast *f, const char *name);

#endif
