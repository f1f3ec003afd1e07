"""STUN answers per second of the server's own CPU time, the reflector's and coturn's, one after the
other over loopback in a namespace of its own: reflector.py BUILD PEERS. Prints one line of JSON."""
import glob
import json
import os
import re
import statistics
import subprocess
import sys
import time

ROUNDS, SECONDS, PORT = 3, "2", "3478"
LOADS = {"16 sockets, 32 requests outstanding each": ("16", "32"),
         "512 sockets, one request each": ("512", "1")}


def cpu_s(pid):
    """Of all its threads, in the scheduler's nanoseconds."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path) as f:
            total += int(f.read().split()[0])
    return total / 1e9


def listens():
    out = subprocess.run(["ss", "-Hlnu", f"sport = :{PORT}"], capture_output=True, text=True).stdout
    return bool(out.strip())


def one(build, command, env, load):
    """Answers per CPU second and per second, and whether all were good."""
    server = subprocess.Popen(["taskset", "-c", "0", *command], env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 5
        while not listens():
            if time.monotonic() > end or server.poll() is not None:
                sys.exit(f"{command[0]} does not listen")
            time.sleep(0.02)
        before = cpu_s(server.pid)
        p = subprocess.run(["taskset", "-c", "1", f"{build}/tests/bench/stun_load", "127.0.0.1", PORT, SECONDS,
                            *load], capture_output=True, text=True, check=True)
        used, got = cpu_s(server.pid) - before, json.loads(p.stdout)
    finally:
        server.terminate()
        server.wait()
    return got["answers"] / used, got["answers"] / got["seconds"], got["good"] == got["answers"]


def main():
    build, peers = sys.argv[1:3]
    if os.cpu_count() < 2:
        sys.exit("one core only: the server cannot have one of its own")
    libraries = glob.glob(f"{peers}/root/usr/lib/*-linux-gnu*") + glob.glob(f"{peers}/root/lib/*-linux-gnu*")
    coturn_env = {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}
    turnserver = f"{peers}/root/usr/bin/turnserver"
    coturn = [turnserver, "-n", "--stun-only", "-L", "127.0.0.1", "-p", PORT, "-m", "1", "--no-cli",
              "--no-tls", "--no-dtls", "--log-file", "/dev/null", "--pidfile", "/dev/null"]
    ours = [f"{build}/bin/sallyport", "reflector", "-q", "--listen", "127.0.0.1", "--stun-rate", "1000000"]
    text = subprocess.run([turnserver, "--version"], env=coturn_env, capture_output=True, text=True).stdout
    result = {"version": (re.search(r"\d+\.\d+\.\d+", text) or ["?"])[0], "loads": []}
    for what, load in LOADS.items():
        rows = [(one(build, ours, os.environ, load), one(build, coturn, coturn_env, load)) for _ in range(ROUNDS)]
        row = {"load": what, "good": all(r[2] for pair in rows for r in pair)}
        for i, name in enumerate(("sallyport", "coturn")):
            row[name] = {"per_cpu_s": statistics.median(r[i][0] for r in rows),
                         "per_s": statistics.median(r[i][1] for r in rows)}
        row["ratios"] = sorted(r[0][0] / r[1][0] for r in rows)  # each pair right after one another
        result["loads"].append(row)
    print(json.dumps(result))


main()
