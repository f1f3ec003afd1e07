/*
 * Devices as the user names them: MAC[,IP][,NAME] on the command line or one a line in a file.
 *
 * Promises: a device that was taken in has a unicast MAC or a host's address in canonical form; a
 * field that looks like an address but is none is refused, never taken for a name. Errors carry the
 * column, and for a file its name and line; text that is quoted in them is printable.
 */
#ifndef SALLYPORT_RUN_DEVICES_H
#define SALLYPORT_RUN_DEVICES_H

#include "sallyport/settings.h"

/* Appends one device. 0, SP_E_USAGE or SP_E_LIMIT with the column in *err (NULL is allowed). */
int devices_add(struct settings *s, const char *value, struct sp_error *err);
/* Appends those of a file ('#' starts a comment). 0, -errno when it cannot be opened (`label` says
 * who named it), or SP_E_MALFORMED for what is in it. */
int devices_read(struct settings *s, const char *label, const char *path, struct sp_error *err);

#endif
