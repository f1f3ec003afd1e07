/*
 * The Wi-Fi side of host facts, from the kernel's nl80211.
 *
 * Promises: needs no privilege, sends nothing on the air and never starts a scan: what the kernel
 * heard lately is all there is. It asks only where nl80211 is there already (no module is loaded for
 * it) and waits half a second at most for an answer.
 */
#ifndef SALLYPORT_NETINFO_WIFI_H
#define SALLYPORT_NETINFO_WIFI_H

#include "sallyport/netinfo.h"

/* Fills h->wifi for the interface h->ifindex, and says "wifi" in h->medium where it is one. */
void netinfo_wifi(struct host_facts *h);

/* The same from bytes: the replies to GET_INTERFACE, GET_STATION and GET_SCAN in any order, as
 * netlink messages of this machine's byte order, each aligned to 4 bytes like `p` itself. 0, or
 * SP_E_MISSING when no reply speaks of that interface; damaged messages are passed over. */
int wifi_from_dump(const void *p, size_t n, unsigned ifindex, struct wifi_facts *out);

#endif
