/* The servers of the lab: one row and one file in diag/lab/servers each. */
#include "sallyport/lab.h"

extern const struct lab_server lab_server_dns;        /* the site's resolver */
extern const struct lab_server lab_server_dhcp;       /* addresses for the LAN's clients */
extern const struct lab_server lab_server_mute;       /* accepts TCP and says nothing */
extern const struct lab_server lab_server_proxy;      /* the site's web proxy */
extern const struct lab_server lab_server_stub;       /* the device's own resolver */
extern const struct lab_server lab_server_dns_public; /* honest resolvers elsewhere */
extern const struct lab_server lab_server_ntp;
extern const struct lab_server lab_server_dtls;     /* the device cloud, UDP 5684 */
extern const struct lab_server lab_server_greeting; /* the device cloud, TCP 5683 */
extern const struct lab_server lab_server_tls;
extern const struct lab_server lab_server_http;

const struct lab_server *const lab_servers[] = {
	&lab_server_dns,  &lab_server_mute,     &lab_server_dns_public, &lab_server_ntp,
	&lab_server_dtls, &lab_server_greeting, &lab_server_tls,        &lab_server_http,
	&lab_server_stub, &lab_server_proxy,    &lab_server_dhcp,
};
const size_t n_lab_servers = sizeof(lab_servers) / sizeof(lab_servers[0]);
