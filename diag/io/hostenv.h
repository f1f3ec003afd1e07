/* What this host runs in (bare metal, a virtual machine, a container, WSL) and its web proxy. Read from files that need
 * no privilege; nothing found leaves the facts empty. */
#ifndef SALLYPORT_IO_HOSTENV_H
#define SALLYPORT_IO_HOSTENV_H

#include "sallyport/netinfo.h"

void hostenv_fill(struct host_facts *h);

#endif
