#include "probes.h"

enum outcome probe_icmp_outcome(uint8_t family, const struct sock_event *ev, bool from_target)
{
	static const struct {
		uint8_t family, type, code;
		bool port; /* port unreachable: the target itself may say so */
	} rejections[] = {
		{ 4, 3, 3, true },  { 4, 3, 9, false }, { 4, 3, 10, false }, { 4, 3, 13, false },
		{ 6, 1, 1, false }, { 6, 1, 4, true },  { 6, 1, 5, false },  { 6, 1, 6, false },
	};
	for (size_t i = 0; i < sizeof(rejections) / sizeof(rejections[0]); i++)
		if (rejections[i].family == family && rejections[i].type == ev->icmp_type &&
		    rejections[i].code == ev->icmp_code)
			return rejections[i].port && from_target ? OUTCOME_REFUSED : OUTCOME_REJECTED;
	return OUTCOME_UNREACHABLE;
}
