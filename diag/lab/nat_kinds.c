/*
 * Kinds of NAT boxes as data. Timers in seconds: one packet out; something came back; stream.
 * Sources: kernel and pf code read and measured in network namespaces, vendors' pages for the rest.
 */
#include "diag/lab/nat_model.h"

#include <string.h>

#define PER_FLOW .mapping = NAT_ADDRESS_PORT_DEPENDENT, .filtering = NAT_ADDRESS_PORT_DEPENDENT
#define LINUX(first, stream) \
	.rule = NAT_RULE_LINUX, .timer_s = { first, first, stream }, .stream_after_ms = 2000, PER_FLOW
#define ONE_TIMER(s) .rule = NAT_RULE_TWO_WAY, .timer_s = { s, s, s }, PER_FLOW

const struct nat_kind nat_kinds[] = {
	{ "linux", "nf_conntrack_proto_udp.c; sysctl defaults since Linux 5.0; measured on 6.18",
	  LINUX(30, 120) },
	{ "linux-old", "nf_conntrack before commit d535c8a69c19 (2018): 180 s, and no rule of 2 s",
	  .rule = NAT_RULE_LINUX, .timer_s = { 30, 30, 180 }, PER_FLOW },
	{ "linux-random", "as linux, with nftables masquerade random,fully-random",
	  LINUX(30, 120), .ports = NAT_PORTS_RANDOM },
	{ "linux-open", "as linux, without a firewall on the WAN side; measured on 6.18",
	  LINUX(30, 120), .late_inbound_holds_port = true },
	{ "openwrt", "sysctl-nf-conntrack.conf of OpenWrt", LINUX(60, 180) },
	{ "vyos", "EdgeOS and VyOS: udp other 30, stream 180, as their routers print", LINUX(30, 180) },
	{ "pf", "FreeBSD pf.c: udp.first 60, udp.single 30, udp.multiple 60; interval 10",
	  .rule = NAT_RULE_PF, .timer_s = { 60, 30, 60 }, .sweep_ms = 10000, .grain_ms = 1000,
	  .ttl_before_lookup = true, .ports = NAT_PORTS_RANDOM, PER_FLOW },
	{ "nsx", "VMware NSX gateway firewall: first, single, multiple 30",
	  .rule = NAT_RULE_PF, .timer_s = { 30, 30, 30 }, PER_FLOW },
	{ "ec2", "AWS EC2 API, ConnectionTrackingSpecificationResponse: udpTimeout 30, udpStreamTimeout 180",
	  .rule = NAT_RULE_EXCHANGES, .timer_s = { 30, 30, 180 }, PER_FLOW },
	{ "winnat", "Get-NetNat: UdpIdleSessionTimeout 120, UdpInboundRefresh False, address-dependent",
	  .rule = NAT_RULE_TWO_WAY, .timer_s = { 120, 120, 120 }, .filtering = NAT_ADDRESS_DEPENDENT,
	  .inbound_does_not_refresh = true },
	{ "mikrotik", "RouterOS manual: udp-timeout 10 (one way), udp-stream-timeout 180 (both ways)",
	  .rule = NAT_RULE_TWO_WAY, .timer_s = { 10, 180, 180 }, PER_FLOW },
	{ "cisco-asa", "Cisco ASA and Threat Defense: timeout udp 0:02:00", ONE_TIMER(120) },
	{ "cisco-ios", "IOS command reference: ip nat translation udp-timeout 300", ONE_TIMER(300) },
	{ "srx", "Juniper SRX: UDP inactivity-timeout 60", ONE_TIMER(60) },
	{ "palo-alto", "PAN-OS: UDP session timeout 30", ONE_TIMER(30) },
	{ "fortigate", "FortiOS: udp-idle-timer 180, refresh-direction both", ONE_TIMER(180) },
	{ "fortigate-outgoing", "as fortigate, refresh-direction outgoing",
	  ONE_TIMER(180), .inbound_does_not_refresh = true },
	{ "fortigate-incoming", "as fortigate, refresh-direction incoming",
	  ONE_TIMER(180), .outbound_does_not_refresh = true },
	{ "check-point", "UDP virtual session timeout 40 (from knowledge, not read)", ONE_TIMER(40) },
	{ "sonicwall", "UDP connection inactivity timeout 30", ONE_TIMER(30) },
	{ "aws-nat", "AWS NAT gateway: idle timeout 350", ONE_TIMER(350), .ports = NAT_PORTS_RANDOM },
	{ "azure-nat", "Azure NAT gateway: UDP idle timeout 4 min", ONE_TIMER(240), .ports = NAT_PORTS_RANDOM },
	{ "google-nat", "Google Cloud NAT: UDP mapping idle timeout 30", ONE_TIMER(30),
	  .ports = NAT_PORTS_RANDOM },
	{ "vpp", "VPP NAT: udp timeout 300", ONE_TIMER(300) },
	{ "docker-proxy", "docker-proxy: UDPConnTrackTimeout 90", ONE_TIMER(90) },
	{ "two-seconds", "esp_wifi_repeater issue 253: 2 s before the fix", ONE_TIMER(2) },
	{ "symmetric", "RFC 4787 section 4.1: a mapping per remote address and port; Linux timers",
	  LINUX(30, 120), .ports = NAT_PORTS_RANDOM },
	{ "address-dependent", "RFC 4787 sections 4.1 and 5: a mapping per remote address; REQ-5 timer",
	  .rule = NAT_RULE_TWO_WAY, .timer_s = { 120, 120, 120 }, .mapping = NAT_ADDRESS_DEPENDENT,
	  .filtering = NAT_ADDRESS_DEPENDENT, .ports = NAT_PORTS_RANDOM },
	{ "full-cone", "RFC 4787 REQ-1, REQ-5c, REQ-8, REQ-9: what the RFC asks for",
	  .rule = NAT_RULE_TWO_WAY, .timer_s = { 300, 300, 300 }, .hairpins = true },
	{ "overload", "breaks RFC 4787 REQ-3: the inside port even where another host has it",
	  LINUX(30, 120), .ports = NAT_PORTS_OVERLOADED },
	{ "icmp-forgets", "breaks RFC 4787 REQ-12: an ICMP error ends the mapping",
	  LINUX(30, 120), .icmp_forgets = true },
	{ "port-quota", "RFC 6888 REQ-4: a limit per subscriber, here 64 flows", LINUX(30, 120), .quota = 64 },
};
const size_t n_nat_kinds = sizeof(nat_kinds) / sizeof(nat_kinds[0]);

const struct nat_kind *nat_kind_by_name(const char *name)
{
	for (size_t i = 0; i < n_nat_kinds; i++)
		if (!strcmp(nat_kinds[i].name, name))
			return &nat_kinds[i];
	return NULL;
}
