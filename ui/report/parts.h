/*
 * Parts that the text report and the ticket share.
 *
 * Promises: they read the judged run and print nothing themselves, unless they take a document.
 */
#ifndef SALLYPORT_UI_PARTS_H
#define SALLYPORT_UI_PARTS_H

#include "doc.h"

/* The non-hidden verdict that explains the state of a kind, or NULL. */
const struct verdict *parts_verdict(const struct run *r, const struct kind_verdict *k);
/* The first non-hidden verdict of this fault, or NULL. */
const struct verdict *parts_fault(const struct run *r, const char *slug);
/* Names of the kinds with the same answer as kinds[i]; NULL when an earlier one speaks for it. */
const char *parts_kind_group(struct doc *d, size_t i);
/* "eth0 (ethernet), 192.168.77.10, gateway 192.168.77.1, resolver 192.168.77.1"; on Wi-Fi
 * "wlan0 (wifi, SSID "Guest", 5 GHz channel 36, WPA2, -61 dBm), ..." */
const char *parts_vantage(struct doc *d);
/* Whose place the run took with --as-client, and what DHCP said beside; NULL for the host's own. */
const char *parts_client(struct doc *d);
/* "2026-11-23 22:04:05 UTC" */
const char *parts_started(struct doc *d);
/* True where --only or --skip left a check out. */
bool parts_is_partial(const struct run *r);

void text_verdicts(struct doc *d); /* text_verdicts.c: causes in full, notes in a line each */
void text_checks(struct doc *d);   /* text_checks.c: the table */
void text_contacted(struct doc *d);
void text_keepalive(struct doc *d); /* text_keepalive.c */
void text_leds(struct doc *d); /* text_leds.c: which patterns of the status LED this explains */
void text_observations(struct doc *d);

#endif
