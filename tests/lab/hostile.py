"""Far-side servers that say what no honest server would: terminal escapes wherever text is shown
(MODE escapes), or no end of anything (MODE flood). Takes the ports whose own servers were left out."""

import os
import socket
import ssl
import subprocess
import sys
import threading

MODE = sys.argv[1]
IP_PKTINFO = 8  # linux/in.h
EVIL = b"\x1b]0;owned\x07\x1b[2J\x1b[31m\x9b1m\x00\r\n<script>'\";$(id)`id`\xff\xfe\xe2\x80\xae"
LINE = EVIL.replace(b"\r\n", b" ").replace(b"\x00", b"")


def endless(conn):
    try:
        while True:
            conn.sendall(b"x" * 65536)
    except OSError:
        pass


def greeting(conn):
    if MODE == "flood":
        endless(conn)
    conn.sendall(EVIL)


def http(conn):
    conn.settimeout(3)
    conn.recv(4096)
    if MODE == "flood":
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        endless(conn)
    conn.sendall(b"HTTP/1.1 302 " + LINE + b"\r\nServer: " + LINE + b"\r\nLocation: http://" + LINE +
                 b"/\r\nDate: " + LINE + b"\r\nContent-Length: " + str(len(EVIL)).encode() + b"\r\n\r\n" + EVIL)


def make_certificate(folder):
    name = "/O=\x1b]0;owned\x07/CN=\x1b[2J\x1b[31mowned\u202e"
    files = [f"{folder}/evil.pem", f"{folder}/evil.key"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-utf8", "-multivalue-rdn",
                    "-days", "9", "-subj", name, "-out", files[0], "-keyout", files[1]],
                   check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


def tls(conn):
    if MODE == "flood":
        endless(conn)
    CONTEXT.wrap_socket(conn, server_side=True).close()


def serve_tcp(port, one):
    listener = socket.create_server(("0.0.0.0", port), backlog=64)

    def attend(conn):
        try:
            one(conn)
        except OSError:
            pass
        finally:
            conn.close()

    def loop():
        while True:
            threading.Thread(target=attend, args=[listener.accept()[0]], daemon=True).start()

    threading.Thread(target=loop).start()


def serve_udp(port):
    """Answers from the address that was asked: connected sockets hear no other."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    sock.bind(("0.0.0.0", port))

    def loop():
        while True:
            _, control, _, peer = sock.recvmsg(4096, 256)
            back = [(socket.IPPROTO_IP, IP_PKTINFO, control[0][2])]
            for _ in range(300 if MODE == "flood" else 2):
                try:
                    sock.sendmsg([EVIL + os.urandom(40)], back, 0, peer)
                except OSError:
                    pass

    threading.Thread(target=loop).start()


CONTEXT = make_certificate(os.environ["LAB_DIR"])
serve_tcp(5683, greeting)
serve_tcp(80, http)
serve_tcp(443, tls)
serve_udp(5684)
serve_udp(123)
print("ready", flush=True)
