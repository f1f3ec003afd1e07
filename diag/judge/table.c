/* The fault table, in the order of a device's path: an earlier row is nearer the root. */
#include "faults.h"

#include <string.h>

#include "sallyport/text.h"

const struct fault *const fault_table[] = {
	/* what this host's own place hides */
	&fault_vpn_took_route, &fault_vpn_killswitch, &fault_link_changed, &fault_nat64_only,
	&fault_host_forwards, &fault_clat_only, &fault_resolver_unknown, &fault_portal_passed,
	/* joining the devices' network */
	&fault_wifi_band, &fault_wifi_security, &fault_wifi_mode,
	/* this host and its link */
	&fault_no_address, &fault_gateway_mute, &fault_no_route, &fault_own_firewall,
	/* names */
	&fault_resolver_down, &fault_dns_udp_only_blocked, &fault_captive_dns, &fault_dns_policy_block,
	&fault_split_horizon, &fault_dns_forged,
	/* what stands before the Internet */
	&fault_captive_http, &fault_proxy_required, &fault_accept_all_tcp,
	/* the devices' own flows */
	&fault_udp_all_blocked, &fault_udp_rejected, &fault_udp_port_blocked, &fault_server_down,
	&fault_udp_dest_block, &fault_udp_impostor, &fault_flight_stall, &fault_stale_allowlist,
	&fault_admin_prohibited, &fault_port_drop, &fault_dest_drop, &fault_fw_reset,
	&fault_server_closed, &fault_mute_after_accept, &fault_tcp_impostor,
	/* how long the way back stays open */
	&fault_one_reply_only, &fault_nat_short, &fault_nat_new_vs_established, &fault_tcp_idle_cut,
	/* people's */
	&fault_clock_made, &fault_tls_private_ca, &fault_sni_filter, &fault_tls_bad_certificate,
	/* time */
	&fault_ntp_blocked, &fault_ntp_wrong, &fault_ntp_kod,
};
const size_t n_fault_table = sizeof(fault_table) / sizeof(fault_table[0]);

const struct fault *fault_by_name(const char *name)
{
	for (size_t i = 0; i < n_fault_table; i++)
		if (strcmp(fault_table[i]->slug, name) == 0 || text_equal_nocase(fault_table[i]->code, name))
			return fault_table[i];
	return NULL;
}
