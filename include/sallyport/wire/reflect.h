/*
 * The reflector's own protocol: a client behind a NAT opens mappings and leaves them idle; whenever
 * it likes it tells the reflector, through another flow, to send into one of them now.
 *
 * Promises of the codec: it reads only inside (p, n), allocates nothing, leaves `out` alone when it
 * fails, and writes every byte of what it returns. Promises of the protocol, which the sizes, tokens
 * and handles below keep without any memory on the reflector's side:
 *   - a datagram that comes in causes at most its own IP length to go out, headers and all answers
 *     summed; so the client pads its questions (reflect_build does);
 *   - what goes out goes to the address the question came from; without a good token only to the
 *     very port it came from, and only WELCOME or a POKED that says why not;
 *   - a mapping hears nothing that its client did not ask for.
 *
 * Flows. Control flow: one UDP socket of the client, kept fresh by HELLO, to any port of the
 * reflector. Test mappings: other sockets (UDP, or TCP connections) to the same address of the
 * reflector, usually another port. A REGISTER from another public address than the control flow's
 * is silence; a HELLO from a socket to spare shows that address (pooling is not paired then).
 *
 *   client                                             reflector
 *   control  -- HELLO id nonce ------------------------>            (again before the token expires;
 *   control  <- WELCOME id token seen ------------------             also the round trip and keep-alive)
 *   mapping  -- REGISTER id token flags --------------->            a token that is wrong: silence
 *   control  <- NOTICE id seen handle ------------------            if REFLECT_WANT_NOTICE
 *   mapping  <- ECHO id seen ---------------------------            if REFLECT_WANT_ECHO
 *      ... as long as it likes ...
 *   control  -- POKE id token handle kind ------------->
 *   mapping  <- PROBE id kind --------------------------            from the port it had registered at
 *   control  <- POKED id code value --------------------
 *
 * Every message begins with the head and the id. Numbers in network order, reserved bytes zero
 * when sent and ignored when read; zeros up to `length` are padding.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +---------------+-------+-------+-------------------------------+
 *  |     0xF5      |version| type  |  length, of the whole message |   0xF5: neither STUN, DTLS, RTP
 *  +---------------+-------+-------+-------------------------------+   nor TURN (RFC 7983 section 7)
 *  |   epoch of the reflector; 0 from a client that knows none     |
 *  +---------------------------------------------------------------+
 *  |   id (64 bits): random, chosen by whoever asks; the answers   |
 *  |   carry it back                                               |
 *  +---------------------------------------------------------------+
 *  HELLO     nonce (64), padding up to 68 bytes, the length of WELCOME
 *  WELCOME   token (256), family (8: 4 or 6), can (8), seen port (16), seen address (128)
 *  REGISTER  token (256), want (8), reserved (24), padding
 *  NOTICE    seen port (16), reflector's port (16), handle (192)
 *  ECHO      seen port (16), reserved (16)
 *  POKE      token (256), handle (192), kind (8), reserved (24), padding
 *  PROBE     kind (8), reserved (24)
 *  POKED     code (8), reserved (24), value (32)
 *
 *  `seen` is the sender's public address and port, XORed with the id (repeated), so that no box
 *  that rewrites addresses inside payloads finds them.
 *
 *  token     nonce (64), time (32), control port (16), reflector's control port (16), MAC (128)
 *  handle    time (32), client's port (16), reflector's port (16), MAC (128)
 *
 *  MAC: the first 16 bytes of HMAC-SHA-256 over a label (token or handle), epoch, transport (17, 6),
 *  client's address and port, reflector's address and port, nonce and time, each of fixed length,
 *  IPv4-mapped addresses as IPv4. A token binds the control flow, valid for 120 s; a handle binds
 *  one mapping and the nonce of the token that it must come with, valid for 6 h. Both are opaque
 *  to clients.
 *
 *  Keys: random, in memory only, a new one every 6 h; the one before is still good. After a restart
 *  the epoch is another one: a POKE then draws POKED with REFLECT_RESTARTED, and WELCOME shows the
 *  new epoch. The client's mappings are void then; that is no expiry. With a secret of its own the
 *  reflector derives keys and epoch from it, and a restart changes nothing.
 *
 *  Replay: a POKE that comes again with the same id is dropped as long as the reflector's window (of
 *  fixed size, overwritten by later pokes) holds it, and for good once its token has expired. A
 *  client treats a PROBE that it did not ask for, or sees twice, as the end of that mapping's test:
 *  it was refreshed.
 *
 *  Admission (optional): WELCOME has REFLECT_CAN_KEYED and its token's MAC is masked; whoever holds
 *  the shared key takes the mask off. The mask depends on the address and the id, so that a HELLO
 *  that is sniffed and repeated elsewhere gives nothing.
 *
 *  Rates per client address (IPv4 address, IPv6 /64; four times as much for its /24 or /48 in all):
 *  the enum below. What is over them is dropped in silence.
 *
 *  TCP twin, on the same ports: the same REGISTER and ECHO as a stream; NOTICE goes to the control
 *  flow. POKE with REFLECT_PUSH makes the reflector write a PROBE into the connection; POKE with
 *  REFLECT_STATUS asks what became of it. A connection that has not registered within 10 s is
 *  closed, and so is one that leaves a push unacknowledged for 30 s.
 */
#ifndef SALLYPORT_WIRE_REFLECT_H
#define SALLYPORT_WIRE_REFLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/bytes.h"

enum {
	REFLECT_HEAD = 8,
	REFLECT_MAX = 256, /* longest message */
	REFLECT_TOKEN = 32,
	REFLECT_HANDLE = 24,
	REFLECT_KEY = 32,
	REFLECT_TOKEN_S = 120,
	REFLECT_HANDLE_S = 6 * 3600, /* as long as one key lives: a key and the one before cover it */
	/* the reflector's rates */
	REFLECT_HELLOS_PER_S = 8,      /* and every POKED without a good token */
	REFLECT_MESSAGES_PER_S = 256,  /* of all kinds */
	REFLECT_POKES_PER_S = 16,
	/* bytes in front of the payload: IP and UDP; IP and TCP with timestamps (RFC 7323) */
	REFLECT_UDP4 = 28, REFLECT_UDP6 = 48, REFLECT_TCP4 = 52, REFLECT_TCP6 = 72,
};

enum reflect_type {
	REFLECT_HELLO = 1, REFLECT_WELCOME, REFLECT_REGISTER, REFLECT_NOTICE, REFLECT_ECHO,
	REFLECT_POKE, REFLECT_PROBE, REFLECT_POKED, REFLECT_TYPE_COUNT
};

enum reflect_want { REFLECT_WANT_NOTICE = 1, REFLECT_WANT_ECHO = 2 };

enum reflect_can {
	REFLECT_CAN_ERROR = 1,         /* REFLECT_BY_ERROR: a raw socket was granted */
	REFLECT_CAN_OTHER_PORT = 2,
	REFLECT_CAN_OTHER_ADDRESS = 4,
	REFLECT_CAN_KEYED = 8,         /* the token is masked */
	REFLECT_CAN_TCP = 16,
};

/* How a POKE wants its mapping touched. */
enum reflect_kind {
	REFLECT_PLAIN,            /* a datagram from where it registered */
	REFLECT_BY_ERROR,         /* an ICMP port-unreachable that quotes the mapping's own packet,
				   * whose payload is the PROBE: passes while the mapping lives and
				   * restarts no timer */
	REFLECT_FROM_OTHER_PORT,  /* the filtering test: another port of the same address */
	REFLECT_FROM_OTHER_ADDRESS, /* another address of the reflector, same port */
	REFLECT_PUSH,             /* TCP */
	REFLECT_STATUS,           /* TCP: what became of the last push */
	REFLECT_KIND_COUNT
};

enum reflect_code {
	REFLECT_DONE,           /* handed to the network */
	REFLECT_RESTARTED,      /* another epoch: tokens, handles and mappings are void */
	REFLECT_TOKEN_EXPIRED,  /* HELLO again */
	REFLECT_TOKEN_WRONG,    /* from another address or port, or without the shared key */
	REFLECT_HANDLE_EXPIRED,
	REFLECT_HANDLE_WRONG,
	REFLECT_CANNOT,         /* no raw socket, no other port, no other address */
	REFLECT_NOT_SENT,       /* the reflector's host refused to send: says nothing of the mapping */
	REFLECT_TOO_SHORT,      /* the question does not pay for its answers */
	/* TCP; value is milliseconds since the push */
	REFLECT_ACKNOWLEDGED, REFLECT_WAITING, REFLECT_RESET, REFLECT_CLOSED, REFLECT_TIMED_OUT,
	REFLECT_GONE,           /* no such connection is known here (any more) */
	REFLECT_CODE_COUNT
};

struct reflect_token {
	uint8_t b[REFLECT_TOKEN];
};

struct reflect_handle {
	uint8_t b[REFLECT_HANDLE];
};

struct reflect_message {
	enum reflect_type type;
	uint32_t epoch;
	uint64_t id;
	uint64_t nonce;              /* HELLO */
	struct reflect_token token;  /* WELCOME, REGISTER, POKE */
	struct reflect_handle handle; /* NOTICE, POKE */
	struct endpoint seen;        /* WELCOME; NOTICE and ECHO: the port only */
	uint16_t server_port;        /* NOTICE */
	uint8_t flags;               /* REGISTER: want; WELCOME: can */
	enum reflect_kind kind;      /* POKE, PROBE */
	enum reflect_code code;      /* POKED; parse refuses codes it does not know */
	uint32_t value;              /* POKED */
};

/* 0; SP_E_UNKNOWN when it is not ours (first byte, version, length); SP_E_MALFORMED. p is a whole
 * datagram, or a whole message of a stream. */
int reflect_parse(const uint8_t *p, size_t n, struct reflect_message *out);
/* On a stream: length of the message that begins at p, 0 while its head is not there yet, or
 * SP_E_UNKNOWN. */
int reflect_frame(const uint8_t *p, size_t n);
/* Bytes written, 0 when cap is too small. Questions are padded so that they pay for what they ask
 * in an IP packet of this family (4 or 6), over UDP or, which pays more, TCP. */
size_t reflect_build(uint8_t *out, size_t cap, uint8_t family, const struct reflect_message *in);
/* IP bytes, headers counted, of a message of this type as it goes out, and of what a POKE of this
 * kind sends into the mapping. */
size_t reflect_ip_bytes(enum reflect_type type, uint8_t family);
size_t reflect_probe_ip_bytes(enum reflect_kind kind, uint8_t family);
const char *reflect_code_name(enum reflect_code code);

/* ---- tokens and handles (reflector's side) ---- */

struct reflect_keys {
	uint32_t epoch, generation;
	uint8_t key[2][REFLECT_KEY]; /* of this generation and of the one before */
};
/* Times are seconds on the reflector's own clock; a generation is time / REFLECT_HANDLE_S. */
void reflect_keys_turn(struct reflect_keys *k, uint32_t generation, const uint8_t fresh[REFLECT_KEY]);

struct reflect_binding {
	uint8_t transport;              /* 17 or 6; a token's is always 17 */
	struct endpoint client, server; /* as the reflector sees them */
	uint64_t nonce;
	uint32_t time_s;
};

/* 0 or SP_E_CRYPTO. */
int reflect_token_make(const struct reflect_keys *k, const struct reflect_binding *b,
		       struct reflect_token *out);
int reflect_handle_make(const struct reflect_keys *k, const struct reflect_binding *b,
			struct reflect_handle *out);
/* REFLECT_DONE and *b as it was made, or what is wrong. The caller sets b's transport and both
 * addresses (for a handle also the nonce) as the packet shows them; ports and time are read. */
enum reflect_code reflect_token_check(const struct reflect_keys *k, const struct reflect_token *t,
				      uint32_t now_s, struct reflect_binding *b);
enum reflect_code reflect_handle_check(const struct reflect_keys *k, const struct reflect_handle *h,
				       uint32_t now_s, struct reflect_binding *b);

/* Puts the mask of admission on a token, or takes it off. 0 or SP_E_CRYPTO. */
int reflect_token_mask(struct bytes shared_key, uint64_t id, const struct endpoint *seen,
		       struct reflect_token *t);

#endif
