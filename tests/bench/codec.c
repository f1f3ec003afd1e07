/*
 * How many DNS answers per second sallyport's parser reads, beside c-ares' on the same bytes. Prints
 * one line of JSON. Each rate is the best of several rounds: other load only ever slows one down.
 */
#include <ares.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sallyport/wire/dns.h"

enum { ROUNDS = 7, PER_ROUND = 200000, ADDRESSES = 4 };

static uint8_t answer[512];
static size_t answer_n;

static void build_answer(void)
{
	static const uint8_t cname[] = { 3, 'l', 'b', '1', 0xc0, 12 }; /* before the name asked for */
	uint8_t query[DNS_QUERY_MAX];
	struct addr addrs[ADDRESSES];
	for (uint8_t i = 0; i < ADDRESSES; i++)
		addrs[i] = addr_v4(198, 51, 100, i);
	struct dns_reply r = { .ede = -1, .addrs = addrs, .n_addrs = ADDRESSES, .ttl = 60,
			       .cname = { cname, sizeof(cname) } };
	size_t n = dns_build_query(query, sizeof(query), 1, "device.cloud.example.com", DNS_A);
	answer_n = dns_build_reply(answer, sizeof(answer), query, n, &r);
}

/* Number of addresses read. */
static unsigned by_sallyport(void)
{
	struct dns_message m;
	return dns_parse(answer, answer_n, &m) ? 0 : m.n_addrs;
}

static unsigned by_c_ares(void)
{
	struct ares_addrttl ttls[ADDRESSES];
	int n = ADDRESSES;
	return ares_parse_a_reply(answer, (int)answer_n, NULL, ttls, &n) ? 0 : (unsigned)n;
}

static double best_rate(unsigned (*parse)(void))
{
	double best = 0;
	for (int round = 0; round < ROUNDS; round++) {
		struct timespec a, b;
		clock_gettime(CLOCK_MONOTONIC, &a);
		for (int i = 0; i < PER_ROUND; i++)
			if (parse() != ADDRESSES)
				exit(1);
		clock_gettime(CLOCK_MONOTONIC, &b);
		double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
		best = PER_ROUND / s > best ? PER_ROUND / s : best;
	}
	return best;
}

int main(void)
{
	build_answer();
	printf("{\"bytes\":%zu,\"sallyport\":%.0f,\"c_ares\":%.0f,\"c_ares_version\":\"%s\"}\n", answer_n,
	       best_rate(by_sallyport), best_rate(by_c_ares), ares_version(NULL));
	return 0;
}
