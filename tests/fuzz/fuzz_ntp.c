/* NTP packets: what is accepted is rebuilt bit by bit; what is refused leaves nothing behind. */
#include <stdlib.h>
#include <string.h>

#include "sallyport/wire/ntp.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ntp_packet m;
	uint8_t again[NTP_BYTES];
	if (ntp_parse(p, n, &m))
		return 0;
	if (ntp_build(again, sizeof(again), &m) != NTP_BYTES || memcmp(again, p, NTP_BYTES) != 0)
		abort();
	return 0;
}
