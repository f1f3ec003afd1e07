/*
 * The rows of probe_table: one object per probe, defined in the probe's own file. Promises nothing
 * beyond their names; everybody but table.c finds a probe by probe_by_name().
 */
#ifndef PROBES_PROBES_H
#define PROBES_PROBES_H

#include "sallyport/probe.h"

extern const struct probe_def link_probe;
extern const struct probe_def gateway_probe;
extern const struct probe_def dns_resolver_probe;
extern const struct probe_def dns_name_probe;
extern const struct probe_def ntp_probe;
extern const struct probe_def dtls_echo_probe;
extern const struct probe_def dtls_device_probe;
extern const struct probe_def tcp_greeting_probe;
extern const struct probe_def tls_probe;
extern const struct probe_def http_probe;
extern const struct probe_def path_probe;

#endif
