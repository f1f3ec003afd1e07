/* Every probe, in one list. */
#include <string.h>

#include "probes.h"

const struct probe_def *const probe_table[] = {
	&link_probe,
	&gateway_probe,
	&dns_resolver_probe,
	&dns_name_probe,
	&ntp_probe,
	&dtls_echo_probe,
	&dtls_device_probe,
	&tcp_greeting_probe,
	&tls_probe,
	&http_probe,
	&path_probe,
	&proxy_probe,
	&portal_api_probe,
};
const size_t n_probe_table = sizeof(probe_table) / sizeof(probe_table[0]);

const struct probe_def *probe_by_name(const char *name)
{
	for (size_t i = 0; i < n_probe_table; i++)
		if (strcmp(probe_table[i]->name, name) == 0)
			return probe_table[i];
	return NULL;
}
