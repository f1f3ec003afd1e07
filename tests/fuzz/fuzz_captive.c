/* The answer of a captive-portal API. */
#include <stdlib.h>

#include "sallyport/captive.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	bool captive = false;
	(void)captive_parse((struct bytes){ p, n }, &captive);
	return 0;
}
