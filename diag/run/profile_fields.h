/*
 * The schema of a profile file: one row per key. Parser, writer and error texts come from it.
 */
#ifndef SALLYPORT_PROFILE_FIELDS_H
#define SALLYPORT_PROFILE_FIELDS_H

#include <stddef.h>

#include "sallyport/profile.h"

enum section { SECTION_PROFILE, SECTION_CONTROLS, SECTION_TARGET, SECTION_KIND, SECTION_LED, SECTION_COUNT };
extern const char *const section_names[SECTION_COUNT];

enum field_type {
	FIELD_TEXT,
	FIELD_LIST,      /* separated by commas */
	FIELD_BOOL,      /* yes or no */
	FIELD_REAL,
	FIELD_UINT,
	FIELD_PORT,      /* 1..65535 */
	FIELD_TRANSPORT, /* udp or tcp */
	FIELD_FAMILIES,  /* ipv4, ipv6 */
	FIELD_KEY,       /* SubjectPublicKeyInfo, DER in hex */
	FIELD_PEERS,     /* host:port operator, ... */
	FIELD_TRAITS,    /* words of Wi-Fi traits, as bits */
};

struct field {
	enum section section;
	const char *key;
	enum field_type type;
	size_t offset;  /* into struct profile, profile_target, profile_kind or profile_led */
	bool required;
	double min, max; /* FIELD_REAL, FIELD_UINT */
};
extern const struct field profile_fields[];
extern const size_t n_profile_fields;

/* Sets one field from its text. 0, or negative with *err's text filled (place left alone). */
int field_set(struct arena *a, const struct field *f, void *base, const char *value,
	      struct sp_error *err);
/* Its text, NULL when it holds its zero value (then it need not be written). */
const char *field_get(struct arena *a, const struct field *f, const void *base);

/* Cross-checks of a whole profile (names, references, probes). 0 or SP_E_SYNTAX. */
int profile_check(struct arena *a, const struct profile *p, struct sp_error *err);

#endif
