"""Measures sallyport in the lab and beside named peers; prints Markdown. See bench.sh."""
import concurrent.futures
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(sys.argv[1])
SALLYPORT = BUILD + "/bin/sallyport"
MEASURE = BUILD + "/tests/bench/measure"
CODEC = BUILD + "/tests/bench/codec"
HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
DELAY_MS = 50
RTT_MS = 2 * DELAY_MS
OBSERVATIONS = 20000

# The dependent chains of a clean run: check, phase of its last observation, what follows on what,
# round trips over the delayed link, and the one wait of fixed length (ms) that nothing shortens.
# Questions to the gateway and its resolver stay on the LAN and cost no round trip over that link.
CHAINS = [
    ("udp5684.identity", "ARP, hello > HelloVerifyRequest, hello with cookie > flight", 3, 0, ""),
    ("udp5684.echo", "ARP, record > echo", 2, 0, ""),
    ("tcp5683", "ARP, SYN > SYN-ACK, ACK > greeting", 3, 300, "quiet after the greeting"),
    ("tcp443", "ARP, SYN > SYN-ACK, ClientHello > Finished (TLS 1.3)", 3, 0, ""),
    ("portal", "ARP, SYN > SYN-ACK, GET > page", 3, 0, ""),
    ("ntp", "ARP, question > answer", 2, 0, ""),
    ("path", "ARP, stepped TTL > Time Exceeded", 2, 340, "quiet after the last hop"),
    ("dns.resolver", "on the LAN, over UDP and TCP", 0, 250, "second DNS answer"),
    ("dns.name", "on the LAN", 0, 250, "second DNS answer"),
    ("gateway", "on the LAN", 0, 0, ""),
]

# A gateway that drops what is sent to itself, and an entry for it that has gone stale.
STALE = ('old=$(ip neigh show 192.168.77.1 | sed -n "s/.*lladdr \\([^ ]*\\).*/\\1/p"); '
         'ip neigh change 192.168.77.1 lladdr "$old" dev eth0 nud stale; ')
QUIET_GATEWAY = ('nft add table inet quiet; '
                 'nft add chain inet quiet in "{ type filter hook input priority 0; }"; '
                 'nft add rule inet quiet in udp dport 9 drop')


def lab(faults, command, **env):
    """Runs a shell line on the lab's device; its stdout, and measure's line from its stderr."""
    p = subprocess.run([SALLYPORT, "lab", faults, "--", "sh", "-c", command], capture_output=True,
                       env={**os.environ, **env}, text=True)
    figures = [json.loads(l) for l in p.stderr.splitlines() if l.startswith('{"wall_s"')]
    if not figures:
        sys.exit(f"bench: lab {faults}: {p.stderr}")
    return p.stdout, figures[-1]


def check(faults, before="", options="", **env):
    out, m = lab(faults, f"{before}{MEASURE} eth0 sallyport check -o ndjson {options}", **env)
    m["lines"] = [json.loads(l) for l in out.splitlines()]
    m["end_s"] = m["lines"][-1]["t"]
    return m


def table(title, head, rows):
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for r in rows:
        print(f"| {' | '.join(str(c) for c in r)} |")


def middle(values):
    return statistics.median(values)


def observations(run):
    return [l for l in run["lines"] if l["type"] == "observation"]


def chains(runs):
    rows, longest, limit = [], 0, 0
    for name, steps, trips, wait, what in CHAINS:
        ends = [max(o["t"] for o in observations(r) if o["check"] == name) * 1000 for r in runs]
        # An observation is made when its answer comes; the wait for a second one follows.
        took = "answer at " if what == "second DNS answer" else ""
        longest = max(longest, trips * RTT_MS + wait)
        limit = max(limit, 1.3 * trips * RTT_MS + wait)
        rows.append((name, steps, trips, f"{wait} ms, {what}" if wait else "none",
                     f"{trips * RTT_MS + wait} ms", f"{took}{min(ends):.0f} / {middle(ends):.0f} ms"))
    table(f"Dependent chains, clean network, {DELAY_MS} ms one way (round trip {RTT_MS} ms)",
          ("check", "what waits for what", "round trips", "fixed wait", "chain", "measured, min / median"),
          rows)
    return longest, limit


def clean(runs, longest, limit):
    wall = [r["wall_s"] * 1000 for r in runs]
    frame = [r["first_frame_s"] * 1000 for r in runs]
    rss = [r["rss_kib"] / 1024 for r in runs]
    table("A full check", ("figure", "must reach", "best", "median", "worst"), [
        (f"wall clock, {DELAY_MS} ms one way", f"{limit:.0f} ms",
         f"{min(wall):.0f} ms", f"{middle(wall):.0f} ms", f"{max(wall):.0f} ms"),
        (f"... as a ratio to the longest chain, {longest} ms", f"{limit / longest:.2f}", f"{min(wall) / longest:.2f}",
         f"{middle(wall) / longest:.2f}", f"{max(wall) / longest:.2f}"),
        ("start of the process to its first frame", "50 ms", f"{min(frame):.1f} ms",
         f"{middle(frame):.1f} ms", f"{max(frame):.1f} ms"),
        ("peak resident memory", "20 MiB", f"{min(rss):.1f} MiB", f"{middle(rss):.1f} MiB",
         f"{max(rss):.1f} MiB"),
    ])


def dropped_row(faults):
    r = check(faults)
    first = next((l for l in r["lines"] if l["type"] == "verdict"), None)
    last = [l for l in r["lines"] if l["type"] == "verdict" and not l["preliminary"]]
    return (faults, f"{first['t']:.1f} s, {first['fault']} ({first['confidence']})" if first else "none",
            f"{r['wall_s']:.1f} s, {last[0]['fault']} ({last[0]['confidence']})" if last else "none",
            f"{r['rss_kib'] / 1024:.1f} MiB")


def dropped():
    faults = ["everything-dropped", f"everything-dropped,delay={DELAY_MS}",
              "everything-dropped,resolver-down", "gateway-mute", "udp-port-blocked", "udp-all-blocked"]
    with concurrent.futures.ThreadPoolExecutor(len(faults)) as pool:
        rows = list(pool.map(dropped_row, faults))
    table("Networks that drop (first verdict within 10 s, final within 15 s)",
          ("lab", "first verdict in the stream", "end of the process", "peak memory"), rows)


def waits():
    quiet = {"SALLYPORT_LAB_GATEWAY": QUIET_GATEWAY}
    first = "sallyport check --only gateway -o ndjson >/dev/null; " + STALE
    cases = [("no delay at all", "clean", "", {}),
             ("the echo test is not answered", "dtls-no-echo", "", {}),
             ("routers send no Time Exceeded", "routers-silent", "", {}),
             ("stale entry of a gateway that drops what is sent to it", "clean", first, quiet)]
    rows = []
    for what, faults, before, env in cases:
        ends = [check(faults, before, **env)["end_s"] * 1000 for _ in range(3)]
        rows.append((what, f"{min(ends):.0f} ms"))
    table("Where only fixed waits are left (each at most 500 ms, none after another)",
          ("clean network, but", "check ends after"), rows)


def peers(runs):
    if not shutil.which("openssl"):
        return [("wall clock and memory", "openssl is not installed", "-", "-", "-")]
    line = f"{MEASURE} - bash {HERE}/peers.sh"
    ours = middle([r["wall_s"] for r in runs])
    sequence = [lab(f"clean,delay={DELAY_MS}", line)[1] for _ in range(3)]
    one = f"{MEASURE} - sh -c 'exec openssl s_client -connect api.particle.io:443 </dev/null >/dev/null 2>&1'"
    client = [lab("clean", one)[1] for _ in range(3)]
    rss = middle([r["rss_kib"] for r in runs])
    theirs = min(m["wall_s"] for m in sequence)
    client_rss = min(m["rss_kib"] for m in client)
    version = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.split()[1]
    return [
        (f"wall clock, {DELAY_MS} ms one way",
         f"getent, openssl {version} and bash, 18 commands in a row (tests/bench/peers.sh)",
         f"{ours:.2f} s", f"{theirs:.2f} s", f"{ours / theirs:.2f}"),
        ("peak memory", f"one openssl {version} s_client to one host", f"{rss / 1024:.1f} MiB",
         f"{client_rss / 1024:.1f} MiB", f"{rss / client_rss:.2f}"),
    ]


def codec():
    c = json.loads(subprocess.run([CODEC], capture_output=True, text=True, check=True).stdout)
    return (f"DNS answer of {c['bytes']} bytes parsed", f"c-ares {c['c_ares_version']}, ares_parse_a_reply",
            f"{c['sallyport'] / 1e6:.2f} M/s", f"{c['c_ares'] / 1e6:.2f} M/s",
            f"{c['sallyport'] / c['c_ares']:.2f}")


def grow(lines, path, vary):
    """A journal of OBSERVATIONS observations: the given one again and again; `vary` gives every
    observation other addresses, as only a made-up file does."""
    start, seen, base, n = lines[0], [l for l in lines if l["type"] == "observation"], 0, 0
    with open(path, "w") as f:
        f.write(json.dumps(start) + "\n")
        while n < OBSERVATIONS:
            for o in seen[:OBSERVATIONS - n]:
                n += 1
                o = dict(o, n=n, t=round(o["t"] + base, 6), attempt=o["attempt"] + (n // len(seen)) * 20)
                for key in ("address", "hop", "resolver") if vary else ():
                    if key in o:
                        o[key] = f"{1 + n % 223}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
                f.write(json.dumps(o) + "\n")
            base += seen[-1]["t"]
        f.write(json.dumps({"type": "run_end", "t": base, "reason": "complete", "exit": 2}) + "\n")


def replayed(path, fmt):
    line = [MEASURE, "-", SALLYPORT, "replay", path, "-o", fmt]
    runs = []
    for _ in range(3):
        p = subprocess.run(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        runs.append([json.loads(l) for l in p.stderr.splitlines() if l.startswith('{"wall_s"')][-1])
    return min(r["wall_s"] for r in runs), max(r["rss_kib"] for r in runs) / 1024


def python_reads(path):
    best = 1e9
    for _ in range(3):
        start = time.perf_counter()
        with open(path) as f:
            for line in f:
                json.loads(line)
        best = min(best, time.perf_counter() - start)
    return best


def replay():
    rows, peer = [], None
    lines = check("udp-port-blocked")["lines"]
    with tempfile.TemporaryDirectory() as d:
        for what, vary in (("the same far ends", False), ("another address in each", True)):
            path = f"{d}/run.ndjson"
            grow(lines, path, vary)
            text, stream = replayed(path, "text"), replayed(path, "ndjson")
            size = os.path.getsize(path) / 1e6
            rows.append((what, f"{size:.1f} MB", f"{text[0]:.2f} s", f"{text[1]:.1f} MiB",
                         f"{stream[0]:.2f} s", f"{stream[1]:.1f} MiB"))
            if not peer:
                python = python_reads(path)
                peer = (f"replay of {OBSERVATIONS} observations, judged and reported",
                        f"Python {platform.python_version()} json.loads of the same lines, no more",
                        f"{text[0]:.2f} s", f"{python:.2f} s", f"{text[0] / python:.2f}")
    table(f"replay of {OBSERVATIONS} observations",
          ("made of", "file", "-o text", "peak", "-o ndjson", "peak"), rows)
    return peer


def reflector():
    """The STUN server beside coturn's, alone with it in a namespace."""
    root = os.path.dirname(os.path.dirname(HERE)) + "/build/peers"
    if not os.path.exists(root + "/root/usr/bin/turnserver"):
        print("\nSTUN server: nothing under build/peers (make peers).")
        return
    line = f"ip link set lo up; exec {sys.executable} {HERE}/reflector.py {BUILD} {root}"
    p = subprocess.run(["unshare", "-n", "sh", "-c", line], capture_output=True, text=True)
    if p.returncode:
        print(f"\nSTUN server: not measured: {p.stderr.strip()}")
        return
    found = json.loads(p.stdout)
    rows = [(l["load"] + ("" if l["good"] else " (not all answers were good)"),
             *(f"{l[n]['per_cpu_s'] / 1000:.0f} k" for n in ("sallyport", "coturn")),
             *(f"{l[n]['per_s'] / 1000:.0f} k" for n in ("sallyport", "coturn")),
             f"{middle(l['ratios']):.2f} ({l['ratios'][0]:.2f} to {l['ratios'][-1]:.2f})") for l in found["loads"]]
    table(f"STUN answers beside coturn {found['version']}, over loopback (must reach: ratio 3)",
          ("load", "sallyport, per CPU second", "coturn's", "sallyport, per second", "coturn's", "ratio per CPU second"),
          rows)


def main():
    cores, load = os.cpu_count(), os.getloadavg()
    release = dict(l.rstrip().split("=", 1) for l in open("/etc/os-release") if "=" in l)
    print(f"{datetime.date.today()}, {release['PRETTY_NAME'].strip(chr(34))}, Linux {os.uname().release}, "
          f"{cores} cores, load {load[0]:.1f} before; {ROUNDS} rounds.")
    runs = [check(f"clean,delay={DELAY_MS}") for _ in range(ROUNDS)]
    clean(runs, *chains(runs))
    waits()
    dropped()
    peer = replay()
    table("Beside named peers, in the same run (below 1: less time or memory; DNS above 1: faster)",
          ("what", "peer", "sallyport", "peer's", "ratio"), [*peers(runs), codec(), peer])
    reflector()
    print(f"\nload {os.getloadavg()[0]:.1f} after.")


main()
