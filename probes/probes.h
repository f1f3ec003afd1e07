/*
 * The probes' rows, one per file, and the little they share.
 */
#ifndef SALLYPORT_PROBES_H
#define SALLYPORT_PROBES_H

#include "sallyport/forecast.h"
#include "sallyport/probe.h"

extern const struct probe_def link_probe, gateway_probe, dns_resolver_probe, dns_name_probe,
	dtls_echo_probe, dtls_device_probe, tcp_greeting_probe, ntp_probe, tls_probe, http_probe,
	path_probe, proxy_probe, portal_api_probe;

/* The conditions in forecasts. */
#define WHEN_SILENT "if it stays silent"
#define WHEN_WRONG "if what answers looks wrong"
#define WHEN_FAILS "if it fails there"

/* What an ICMP error about our packet means (RFC 792, RFC 1122 section 3.2.2.1, RFC 4443):
 * refused (the target itself has no such port), rejected (a box forbids it) or unreachable. */
enum outcome probe_icmp_outcome(uint8_t family, const struct sock_event *ev, bool from_target);

#endif
