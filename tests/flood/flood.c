/*
 * flood IFACE TO-MAC TO-IPV4 TO-IPV6 COUNT: sends COUNT frames that look as if each came from
 * somebody else: STUN requests, the reflector's own messages with made-up tokens, and noise. About
 * 100,000 a second, so that the receiver sees nearly all of them. Only for a veth in a namespace.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sallyport/addr.h"
#include "sallyport/bytes.h"
#include "sallyport/wire/reflect.h"
#include "sallyport/wire/stun.h"

enum { BATCH = 64, FRAME = 512, PER_S = 100000, UDP = 17, HEADER = 8 };

struct flood {
	int fd;
	struct mac to, from;
	struct addr to4, to6;
	uint64_t luck;
	struct mmsghdr out[BATCH];
	struct iovec v[BATCH];
	uint8_t frame[BATCH][FRAME];
};

static uint64_t luck(struct flood *f)
{
	f->luck ^= f->luck << 13; /* xorshift64, Marsaglia 2003 */
	f->luck ^= f->luck >> 7;
	f->luck ^= f->luck << 17;
	return f->luck;
}

static void noise(struct flood *f, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)luck(f);
}

static size_t payload(struct flood *f, uint8_t family, unsigned kind, uint8_t out[256])
{
	struct reflect_message m = { .id = luck(f), .epoch = (uint32_t)luck(f), .nonce = luck(f), .flags = 3 };
	uint8_t txid[12];
	size_t n;
	noise(f, m.token.b, sizeof(m.token.b));
	noise(f, m.handle.b, sizeof(m.handle.b));
	noise(f, txid, sizeof(txid));
	struct stun_message stun = stun_binding_request(txid);
	switch (kind) {
	case 0: m.type = REFLECT_HELLO; break;
	case 1: m.type = REFLECT_REGISTER; break;
	case 2: m.type = REFLECT_POKE; break;
	case 3:
		n = luck(f) % 200;
		noise(f, out, n);
		return n;
	default: return stun_build(out, 256, &stun);
	}
	return reflect_build(out, 256, family, &m);
}

static uint16_t checksum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(~sum ? ~sum : 0xffff);
}

static void set16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put_ip(struct flood *f, struct writer *w, bool v4, size_t udp_bytes)
{
	uint8_t from[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	noise(f, v4 ? from : from + 4, 12);
	from[0] = v4 ? (uint8_t)(11 + luck(f) % 100) : from[0]; /* neither loopback nor multicast */
	size_t start = w->at;
	if (v4) {
		wr_be32(w, 0x45000000U + 20 + (uint32_t)udp_bytes);
		wr_be32(w, 0);
		wr_u8(w, 64);
		wr_u8(w, UDP);
		wr_be16(w, 0);
	} else {
		wr_be32(w, 0x60000000U);
		wr_be16(w, (uint16_t)udp_bytes);
		wr_u8(w, UDP);
		wr_u8(w, 64);
	}
	wr_bytes(w, from, v4 ? 4 : 16);
	wr_bytes(w, v4 ? f->to4.b : f->to6.b, v4 ? 4 : 16);
	if (v4)
		set16(w->p + start + 10, checksum(w->p + start, 20, 0));
}

/* One frame; its length. */
static size_t make(struct flood *f, uint8_t *frame)
{
	uint8_t data[256];
	bool v4 = luck(f) % 8;
	size_t n = payload(f, v4 ? 4 : 6, luck(f) % 8, data);
	struct writer w = wr_of(frame, FRAME);
	wr_bytes(&w, f->to.b, 6);
	wr_bytes(&w, f->from.b, 6);
	wr_be16(&w, v4 ? ETH_P_IP : ETH_P_IPV6);
	put_ip(f, &w, v4, HEADER + n);
	size_t udp = w.at;
	wr_be16(&w, (uint16_t)(1024 + luck(f) % 60000));
	wr_be16(&w, luck(f) % 2 ? 3478 : 5684);
	wr_be16(&w, (uint16_t)(HEADER + n));
	wr_be16(&w, 0);
	wr_bytes(&w, data, n);
	if (!wr_ok(&w))
		exit(1);
	size_t addresses = v4 ? 8 : 32; /* at the end of the IP header, before the ports */
	set16(frame + udp + 6, checksum(frame + udp - addresses, w.at - udp + addresses,
					UDP + (uint32_t)(w.at - udp)));
	return w.at;
}

static void open_link(struct flood *f, const char *ifname)
{
	f->fd = socket(AF_PACKET, SOCK_RAW, 0);
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(ifname) };
	if (f->fd < 0 || bind(f->fd, (struct sockaddr *)&at, sizeof(at))) {
		perror(ifname);
		exit(1);
	}
	for (unsigned i = 0; i < BATCH; i++)
		f->out[i].msg_hdr = (struct msghdr){ .msg_iov = &f->v[i], .msg_iovlen = 1 };
}

static void wait_until(const struct timespec *start, unsigned long sent)
{
	unsigned long ns = sent % PER_S * (1000000000UL / PER_S);
	struct timespec t = { start->tv_sec + (time_t)(sent / PER_S), start->tv_nsec + (long)ns };
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

int main(int argc, char **argv)
{
	static struct flood f = { .from = { { 2, 0, 0x5e, 0, 0x53, 0x99 } }, .luck = 0x5a11900717 };
	if (argc != 6 || mac_parse(argv[2], &f.to) || addr_parse(argv[3], &f.to4) ||
	    addr_parse(argv[4], &f.to6))
		return 64;
	unsigned long count = strtoul(argv[5], NULL, 10), sent = 0;
	struct timespec start;
	open_link(&f, argv[1]);
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (sent < count) {
		for (unsigned i = 0; i < BATCH; i++)
			f.v[i] = (struct iovec){ f.frame[i], make(&f, f.frame[i]) };
		int n = sendmmsg(f.fd, f.out, BATCH, 0);
		sent += n > 0 ? (unsigned long)n : 0;
		wait_until(&start, sent);
	}
	printf("%lu\n", sent);
	return 0;
}
