"""The reflector's protocols, written a second time from its header and the RFCs, and what a client of
it must see. `reflect.py SCENARIO ARG... TAG` prints "ok NAME" or "not ok NAME: why"; the networks
around it are made by test_reflector.sh."""
import hashlib
import hmac
import json
import os
import select
import socket
import struct
import sys
import time

HELLO, WELCOME, REGISTER, NOTICE, ECHO, POKE, PROBE, POKED = range(1, 9)
SIZES = {HELLO: 68, WELCOME: 68, REGISTER: 52, NOTICE: 44, ECHO: 20, POKE: 76, PROBE: 20, POKED: 24}
PLAIN, BY_ERROR, OTHER_PORT, OTHER_ADDRESS, PUSH, STATUS = range(6)
(DONE, RESTARTED, TOKEN_EXPIRED, TOKEN_WRONG, HANDLE_EXPIRED, HANDLE_WRONG, CANNOT, NOT_SENT,
 TOO_SHORT, ACKNOWLEDGED, WAITING, RESET, CLOSED, TIMED_OUT, GONE) = range(15)
WANT_NOTICE, WANT_ECHO = 1, 2
CAN_ERROR, CAN_KEYED = 1, 8
COOKIE = 0x2112A442
WAIT = 2.0  # for what must come
QUIET = 0.3  # for what must not


def check(name, want, got):
    print(f"ok reflector-{name}" if want == got else
          f"not ok reflector-{name}: expected {want!r}, got {got!r}", flush=True)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def udp(address):
    s = socket.socket(family_of(address[0]), socket.SOCK_DGRAM)
    s.settimeout(WAIT)
    s.connect(address)
    return s


def build(kind, epoch, ident, body=b"", length=0):
    n = max(length, SIZES[kind])
    return (struct.pack("!BBHIQ", 0xF5, 0x10 | kind, n, epoch, ident) + body).ljust(n, b"\0")


class Message:
    def __init__(self, data):
        magic, kind, length, self.epoch, self.ident = struct.unpack("!BBHIQ", data[:16])
        assert magic == 0xF5 and kind >> 4 == 1 and length == len(data), data.hex()
        self.kind, body = kind & 15, data[16:]
        self.key = struct.pack("!Q", self.ident)
        if self.kind == WELCOME:
            self.token, family, self.can, port = body[:32], body[32], body[33], body[34:36]
            raw = bytes(a ^ b for a, b in zip(body[36:52], self.key * 2))
            self.seen = (socket.inet_ntop(socket.AF_INET, raw[:4]) if family == 4
                         else socket.inet_ntop(socket.AF_INET6, raw), self.port(port))
        elif self.kind == NOTICE:
            self.seen_port, self.server_port = self.port(body[:2]), struct.unpack("!H", body[2:4])[0]
            self.handle = body[4:28]
        elif self.kind == ECHO:
            self.seen_port = self.port(body[:2])
        elif self.kind == PROBE:
            self.how = body[0]
        elif self.kind == POKED:
            self.code, self.value = body[0], struct.unpack("!I", body[4:8])[0]

    def port(self, b):
        return struct.unpack("!H", bytes(x ^ y for x, y in zip(b, self.key)))[0]


def receive(s, wait=WAIT):
    """The next message, or None."""
    if not select.select([s], [], [], wait)[0]:
        return None
    try:
        return Message(s.recv(2048))
    except ConnectionError:
        return None


class Session:
    """One client: its control flow and what it was given."""

    def __init__(self, server, key=None):
        self.server, self.key, self.epoch, self.nonce = server, key, 0, os.urandom(8)
        self.control = udp(server)
        self.v4 = self.control.family == socket.AF_INET
        self.hello()

    def hello(self):
        ident = self.ident()
        self.control.send(build(HELLO, self.epoch, ident, self.nonce))
        self.welcome = receive(self.control)
        self.epoch, self.token = self.welcome.epoch, self.welcome.token
        if self.key:
            address, port = self.welcome.seen
            raw = socket.inet_pton(family_of(address), address).ljust(16, b"\0")
            text = (b"admit-1\0" + struct.pack("!QB", ident, 4 if self.v4 else 6) + raw +
                    struct.pack("!H", port) + self.token[:16])
            mask = hmac.new(self.key, text, hashlib.sha256).digest()
            self.token = self.token[:16] + bytes(a ^ b for a, b in zip(self.token[16:], mask))

    @staticmethod
    def ident():
        return int.from_bytes(os.urandom(8), "big")

    def register(self, s, want, length=None):
        ident = self.ident()
        both = want == (WANT_NOTICE | WANT_ECHO)
        length = length or (0 if not both else 92 if self.v4 else 112)
        s.send(build(REGISTER, self.epoch, ident, self.token + bytes([want]), length))
        return ident

    def mapping(self, address):
        """A registered socket and its handle."""
        s = udp(address)
        self.register(s, WANT_NOTICE)
        notice = receive(self.control)
        return s, notice.handle if notice else None

    def poke(self, handle, kind=PLAIN, ident=None, length=None, token=None, via=None):
        ident = ident or self.ident()
        if length is None:
            need = {BY_ERROR: (100, 140), PUSH: (96, 116)}.get(kind, (76, 92))
            length = need[0] if self.v4 else need[1]
        body = (token or self.token) + handle + bytes([kind])
        (via or self.control).send(build(POKE, self.epoch, ident, body, length))
        return ident

    def poked(self, *args, **more):
        """The code of the answer to a poke, None for silence."""
        ident = self.poke(*args, **more)
        answer = receive(more.get("via") or self.control)
        return answer.code if answer and answer.kind == POKED and answer.ident == ident else None


def hear_errors(s):
    s.setsockopt(*((socket.IPPROTO_IP, 11, 1) if s.family == socket.AF_INET else (socket.IPPROTO_IPV6, 25, 1)))


def error_payload(s, wait=WAIT):
    """What an ICMP error on the socket quotes of our own datagram, with its type and code."""
    end = time.monotonic() + wait
    while time.monotonic() < end:
        try:
            data, extra, _, _ = s.recvmsg(2048, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except BlockingIOError:
            select.select([], [], [s], 0.05)
            continue
        _, _, body = extra[0]
        return data, body[5], body[6]
    return None, None, None


# ---- the own protocol ----
def session(host, test_port):
    """From behind a NAT or not: registration, echo, every way to be poked."""
    tag = sys.argv[-1]
    test = (host, int(test_port))
    c = Session((host, 3478))
    m = udp(test)
    ident = c.register(m, WANT_NOTICE | WANT_ECHO)
    notice, echo = receive(c.control), receive(m)
    check(f"{tag}-notice", (NOTICE, ident, test[1]), (notice.kind, notice.ident, notice.server_port))
    check(f"{tag}-echo", (ECHO, ident, notice.seen_port), (echo.kind, echo.ident, echo.seen_port))
    quiet = udp(test)
    c.register(quiet, WANT_NOTICE)
    handle = receive(c.control).handle
    check(f"{tag}-new-mapping-stays-unanswered", None, receive(quiet, QUIET))
    ident = c.poke(handle)
    probe, poked = receive(quiet), receive(c.control)
    check(f"{tag}-poke", (PROBE, ident, POKED, ident, DONE),
          (probe.kind, probe.ident, poked.kind, poked.ident, poked.code))
    c.hello()
    check(f"{tag}-poke-with-renewed-token", DONE, c.poked(handle))
    check(f"{tag}-probe-again", PROBE, receive(quiet).kind)
    if c.welcome.can & CAN_ERROR:
        hear_errors(quiet)
        ident = c.poke(handle, BY_ERROR)
        data, icmp, code = error_payload(quiet)
        m = Message(data) if data else None
        check(f"{tag}-error-poke", (PROBE, ident, BY_ERROR) + ((3, 3) if c.v4 else (1, 4)),
              (m.kind, m.ident, m.how, icmp, code) if m else None)
        check(f"{tag}-error-poke-told", DONE, receive(c.control).code)


def lifetime(host, seconds):
    """A mapping with a timer of that many seconds: alive one second before, dead one after; a poke
    refreshes it, an error does not."""
    tag, t = sys.argv[-1], float(seconds)
    c = Session((host, 3478))
    start = time.monotonic()
    young, old = c.mapping((host, 5684)), c.mapping((host, 5684))
    witness, handle = c.mapping((host, 5684))
    hear_errors(witness)

    def at(age):
        while (left := start + age - time.monotonic()) > 0:
            time.sleep(min(left, 1))
            c.hello()

    at(t - 1)
    ident = c.poke(young[1])
    check(f"{tag}-alive-before", ident, getattr(receive(young[0]), "ident", None))
    receive(c.control)
    c.poke(handle, BY_ERROR)
    check(f"{tag}-error-before", True, error_payload(witness)[0] is not None)
    receive(c.control)
    at(t + 1)
    check(f"{tag}-told-that-it-was-sent", DONE, c.poked(old[1]))
    check(f"{tag}-dead-after", None, receive(old[0], QUIET))
    ident = c.poke(young[1])
    check(f"{tag}-refreshed-by-the-poke", ident, getattr(receive(young[0]), "ident", None))
    receive(c.control)
    check(f"{tag}-witness-told", DONE, c.poked(handle))
    check(f"{tag}-error-refreshes-nothing", None, receive(witness, QUIET))


def refusals(host, secret):
    """What is not good is told on the control flow or met with silence; a replay is dropped."""
    test = (host, 5684)
    c = Session((host, 3478))
    m, handle = c.mapping(test)
    wrong = c.token[:31] + bytes([c.token[31] ^ 1])
    check("wrong-mac", TOKEN_WRONG, c.poked(handle, token=wrong))
    check("wrong-handle", HANDLE_WRONG, c.poked(handle[:23] + bytes([handle[23] ^ 1])))
    check("wrong-port", TOKEN_WRONG, c.poked(handle, via=udp((host, 3478))))
    check("wrong-server-port", TOKEN_WRONG, c.poked(handle, via=udp(test)))
    check("too-short", TOO_SHORT, c.poked(handle, BY_ERROR, length=76))
    other = Session((host, 3478))
    check("handle-of-another", HANDLE_WRONG, other.poked(handle))
    ident = c.poke(handle)
    check("before-replay", (ident, ident), (receive(m).ident, receive(c.control).ident))
    c.poke(handle, ident=ident)
    check("replay-not-answered", None, receive(c.control, QUIET))
    check("replay-not-probed", None, receive(m, QUIET))
    s = udp(test)
    good, c.token = c.token, wrong
    c.register(s, WANT_NOTICE | WANT_ECHO)
    check("bad-registration-silent", (None, None), (receive(c.control, QUIET), receive(s, QUIET)))
    c.token = good
    c.register(s, WANT_NOTICE | WANT_ECHO, length=52)
    check("unpaid-registration-silent", (None, None), (receive(c.control, QUIET), receive(s, QUIET)))
    c.epoch ^= 2
    check("other-epoch", RESTARTED, c.poked(handle))
    c.epoch ^= 2
    check("still-good", DONE, c.poked(handle))
    with open(secret, "rb") as f:  # tokens of another age, made with the secret
        key = f.read()
    for age, want in ((115, DONE), (125, TOKEN_EXPIRED)):
        check(f"token-{age}-s-old", want, c.poked(handle, token=mint(c, key, age)))


def mint(c, secret, age):
    """The token that the reflector with this secret made `age` seconds ago."""
    now = int(time.time()) - age
    key = hmac.new(secret, b"genkey1\0" + struct.pack("!I", now // 21600), hashlib.sha256).digest()
    end = lambda e: struct.pack("!B", 4) + socket.inet_aton(e[0]).ljust(16, b"\0") + struct.pack("!H", e[1])
    client, server = c.welcome.seen, c.server
    text = (b"token-1\0" + struct.pack("!IB", c.epoch, 17) + end(client) + end(server) + c.nonce +
            struct.pack("!I", now))
    mac = hmac.new(key, text, hashlib.sha256).digest()[:16]
    return c.nonce + struct.pack("!IHH", now, client[1], server[1]) + mac


def keyed(host, path):
    with open(path, "rb") as f:
        key = f.read()
    c = Session((host, 3478))
    check("key-is-wanted", CAN_KEYED, c.welcome.can & CAN_KEYED)
    check("without-the-key", None, c.mapping((host, 5684))[1])
    check("wrong-key", None, Session((host, 3478), b"x" * 20).mapping((host, 5684))[1])
    c = Session((host, 3478), key)
    s, handle = c.mapping((host, 5684))
    check("with-the-key", DONE, c.poked(handle))


def garbage(host):
    """Nothing of this is answered, and the reflector lives on."""
    good = build(HELLO, 0, 1, b"12345678")
    junk = [b"", b"\0", b"\xf5", b"GET / HTTP/1.0\r\n\r\n", os.urandom(1400), bytes(1400), b"\xf5" * 300,
            b"\x16\xfe\xfd" + os.urandom(60), struct.pack("!HHI", 1, 0, COOKIE) + bytes(11),
            struct.pack("!HHI", 1, 8, COOKIE) + bytes(12), struct.pack("!HHI", 0x101, 0, COOKIE) + bytes(12),
            struct.pack("!HH", 1, 0) + bytes(16), build(WELCOME, 0, 1), build(PROBE, 0, 1)]
    junk += [good[:n] for n in range(len(good))] + [good + b"\0"]
    s = udp((host, 3478))
    for data in junk:
        s.send(data)
    check("garbage-silent", None, receive(s, QUIET))
    check("alive-after-garbage", WELCOME, Session((host, 3478)).welcome.kind)


def forge(host, victim):
    """From a raw socket: the source is somebody else's."""
    c = Session((host, 3478))
    m, handle = c.mapping((host, 5684))
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    body = c.token + handle + bytes([PLAIN])
    for data, port in ((build(POKE, c.epoch, 7, body), 3478),
                       (build(REGISTER, c.epoch, 8, c.token + bytes([WANT_NOTICE])), 5684),
                       (build(HELLO, 0, 9, b"12345678"), 3478)):
        dgram = struct.pack("!HHHH", c.control.getsockname()[1], port, 8 + len(data), 0) + data
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(dgram), 1, 0, 64, 17, 0)
        raw.sendto(head + socket.inet_aton(victim) + socket.inet_aton(host) + dgram, (host, 0))
    check("forged-not-probed", None, receive(m, QUIET))
    check("forged-not-told", None, receive(c.control, QUIET))


def keep(host, path):
    """A session to use after the reflector was started again."""
    c = Session((host, 3478))
    _, handle = c.mapping((host, 5684))
    with open(path, "w") as f:
        json.dump({"port": c.control.getsockname()[1], "epoch": c.epoch, "token": c.token.hex(),
                   "handle": handle.hex()}, f)


def resume(host, path, want):
    with open(path) as f:
        old = json.load(f)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", old["port"]))
    s.connect((host, 3478))
    s.send(build(POKE, old["epoch"], 5, bytes.fromhex(old["token"] + old["handle"]) + b"\0"))
    answer = receive(s)
    check(f"restart-{sys.argv[-1]}", (POKED, int(want)), (answer.kind, answer.code) if answer else None)
    check(f"restart-{sys.argv[-1]}-epoch", int(want) == DONE, answer.epoch == old["epoch"])


# ---- the TCP twin ----
def stays_open(address):
    """The connection, or None when it is reset at once."""
    try:
        s = socket.create_connection(address, WAIT)
        return None if select.select([s], [], [], QUIET)[0] else s
    except ConnectionError:
        return None


def twin(host):
    c = Session((host, 3478))
    t = socket.create_connection((host, 5684), WAIT)
    ident = c.register(t, WANT_NOTICE | WANT_ECHO)
    notice, echo = receive(c.control), receive(t)
    check("tcp-echo", (NOTICE, ident, ECHO, ident), (notice.kind, notice.ident, echo.kind, echo.ident))
    check("tcp-port-seen", t.getsockname()[1], echo.seen_port)
    check("tcp-push-told", DONE, c.poked(notice.handle, PUSH))
    check("tcp-push", (PROBE, PUSH), (lambda m: (m.kind, m.how))(receive(t)))
    check("tcp-acknowledged", ACKNOWLEDGED, c.poked(notice.handle, STATUS))
    data = build(REGISTER, c.epoch, 77, c.token + bytes([WANT_ECHO]))
    for part in (data[:1], data[1:30], data[30:] + data):  # in pieces, then two at once
        t.send(part)
        time.sleep(0.02)
    got = b""
    while len(got) < 40:
        got += t.recv(100)
    check("tcp-in-pieces", 40, len(got))
    t.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    t.close()
    time.sleep(0.1)
    check("tcp-reset", RESET, c.poked(notice.handle, STATUS))
    check("tcp-push-into-nothing", GONE, c.poked(notice.handle, PUSH))
    s = socket.create_connection((host, 5684), WAIT)
    s.send(struct.pack("!HHI", 1, 0, COOKIE) + b"twelve bytes")
    answer = s.recv(100)
    port = struct.unpack("!H", answer[26:28])[0] ^ COOKIE >> 16
    check("tcp-stun", (0x101, s.getsockname()[1]), (struct.unpack("!H", answer[:2])[0], port))
    s.send(b"GET / HTTP/1.0\r\n\r\n")
    check("tcp-other-words-end-it", b"", s.recv(10))
    many = [stays_open((host, 3478)) for _ in range(17)]
    check("tcp-sixteen-of-one-address", [True] * 16 + [False], [bool(x) for x in many])


def pending(host, drop, heal):
    """A push that nobody acknowledges; `drop` and `heal` are commands that cut and mend the way."""
    c = Session((host, 3478))
    t = socket.create_connection((host, 5684), WAIT)
    c.register(t, WANT_NOTICE)
    handle = receive(c.control).handle
    os.system(drop)
    check("tcp-push-into-silence", DONE, c.poked(handle, PUSH))
    time.sleep(0.5)
    ident = c.poke(handle, STATUS)
    answer = receive(c.control)
    check("tcp-waiting", (ident, WAITING, True), (answer.ident, answer.code, 400 < answer.value < 3000))
    os.system(heal)
    check("tcp-push-arrives-late", PROBE, (receive(t, 5) or answer).kind)
    check("tcp-acknowledged-late", ACKNOWLEDGED, c.poked(handle, STATUS))


# ---- plain STUN ----
def ask(s, attributes=b"", cookie=COOKIE):
    txid = os.urandom(12)
    s.send(struct.pack("!HHI", 1, len(attributes), cookie) + txid + attributes)
    if not select.select([s], [], [], WAIT if cookie == COOKIE else QUIET)[0]:
        return None
    data = s.recv(2048)
    kind, length, _ = struct.unpack("!HHI", data[:8])
    assert data[8:20] == txid and length == len(data) - 20
    return kind, len(data), data[20:]


def stun(host, v6_host):
    for address, size in ((host, 32), (v6_host, 44)):
        for port in (3478, 5684):
            s = udp((address, port))
            kind, n, body = ask(s)
            check(f"stun-{address}-{port}", (0x101, size, s.getsockname()[1]),
                  (kind, n, struct.unpack("!H", body[6:8])[0] ^ COOKIE >> 16))
    s = udp((host, 3478))
    kind, n, body = ask(s, struct.pack("!HHI", 3, 4, 6))
    check("stun-change-request-refused", (0x111, bytes([0, 0, 4, 20]), 3),
          (kind, body[4:8], struct.unpack("!H", body[12:14])[0]))
    check("stun-without-cookie-silent", None, ask(s, cookie=1))


def rate(host, limit):
    """Far more requests than are allowed: two seconds' worth is answered, and what a second brings."""
    s = udp((host, 3478))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    start = time.monotonic()
    for _ in range(2000):
        s.send(struct.pack("!HHI", 1, 0, COOKIE) + bytes(12))
    answered = 0
    while select.select([s], [], [], QUIET)[0]:
        s.recv(2048)
        answered += 1
    most = int(limit) * (2 + time.monotonic() - start) + 1
    check("stun-rate", True, 2 * int(limit) <= answered <= most)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:-1])
