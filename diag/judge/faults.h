/*
 * The rows of the fault table, one file per family. A row decides from the view alone; where two
 * rows can fit the same evidence they share one reading (udp_read, tcp_read), so that they cannot
 * both claim it.
 */
#ifndef SALLYPORT_JUDGE_FAULTS_H
#define SALLYPORT_JUDGE_FAULTS_H

#include "view.h"

extern const struct fault fault_wifi_band, fault_wifi_security, fault_wifi_mode; /* wifi.c */
extern const struct fault fault_no_address, fault_gateway_mute, fault_no_route, fault_own_firewall;                                                       /* local.c */
extern const struct fault fault_host_forwards, fault_vpn_took_route, fault_vpn_killswitch,
	fault_clat_only, fault_link_changed, fault_resolver_unknown, fault_nat64_only; /* vantage.c */
extern const struct fault fault_resolver_down, fault_dns_udp_only_blocked; /* resolver.c */
extern const struct fault fault_dns_policy_block, fault_dns_forged, fault_captive_dns,
	fault_split_horizon;                                  /* dns.c */
extern const struct fault fault_captive_http, fault_portal_passed, fault_proxy_required, fault_accept_all_tcp; /* portal.c */
extern const struct fault fault_udp_all_blocked, fault_udp_port_blocked, fault_udp_rejected,
	fault_server_down, fault_udp_dest_block, fault_udp_impostor, fault_flight_stall; /* udp.c */
extern const struct fault fault_port_drop, fault_dest_drop, fault_fw_reset, fault_server_closed,
	fault_admin_prohibited, fault_mute_after_accept, fault_tcp_impostor; /* tcp.c */
extern const struct fault fault_stale_allowlist; /* address.c */
extern const struct fault fault_one_reply_only, fault_nat_short, fault_nat_new_vs_established,
	fault_tcp_idle_cut; /* nat.c */
extern const struct fault fault_tls_private_ca, fault_sni_filter, fault_clock_made,
	fault_tls_bad_certificate;                                     /* tls.c */
extern const struct fault fault_ntp_blocked, fault_ntp_wrong, fault_ntp_kod; /* time.c */

/* How far this host's clock is off, in seconds (others minus ours), by independent sources. */
struct clock_sources {
	bool ntp, http;        /* the source spoke */
	unsigned n_http;       /* how many pages gave a Date and agree */
	double ntp_s, http_s;
	bool agree;            /* both spoke and say the same */
};
void clock_read(struct judge_view *v, struct clock_sources *out);
/* Cites the observations that clock_read() used. */
void clock_cite(struct judge_view *v, struct draft *d);

/* TCP connections open and stay mute on every kind of service that was tried. */
bool tcp_all_mute(const struct judge_view *v);

#endif
