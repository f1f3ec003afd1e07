"""The lab on a terminal: Ctrl-C reaches CMD alone, Ctrl-Z stops the whole, a shell opens."""

import os
import pty
import select
import signal
import sys
import time

SALLYPORT = sys.argv[1]


class Terminal:
    """A program on a pseudo-terminal of its own."""

    def __init__(self, *argv, **env):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(env)
            os.execv(argv[0], argv)

    def until(self, text, seconds=10):
        end = time.monotonic() + seconds
        while text not in self.seen and time.monotonic() < end:
            if not select.select([self.fd], [], [], 0.1)[0]:
                continue
            try:
                self.seen += os.read(self.fd, 4096)
            except OSError:  # the other end is closed
                break
        return text in self.seen

    def type(self, data):
        os.write(self.fd, data)

    def wait(self, options=0, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, options | os.WNOHANG)
            if pid:
                return status
            time.sleep(0.02)
        os.kill(self.pid, signal.SIGKILL)
        return None


def result(name, good, why=""):
    print(f"ok {name}" if good else f"not ok {name}: {why!r}")


def code(status):
    return None if status is None else os.waitstatus_to_exitcode(status)


script = "trap 'echo caught; exit 5' INT; echo ready; while :; do read line; done"
t = Terminal(SALLYPORT, "lab", "clean", "--", "sh", "-c", script)
up = t.until(b"ready")
t.type(b"\x03")
caught = t.until(b"caught")
got = code(t.wait())
result("ctrl-c-reaches-cmd", up and caught and got == 5, (got, t.seen))

t = Terminal(SALLYPORT, "lab", "clean", "--", "sh", "-c", "echo ready; read line; echo got $line; exit 6")
up = t.until(b"ready")
t.type(b"\x1a")
stopped = t.wait(os.WUNTRACED)
result("ctrl-z-stops-the-lab", up and stopped is not None and os.WIFSTOPPED(stopped), (stopped, t.seen))
os.kill(t.pid, signal.SIGCONT)
t.type(b"more\n")
again = t.until(b"got more")
got = code(t.wait())
result("continued", again and got == 6, (got, t.seen))

t = Terminal(SALLYPORT, "lab", "udp-port-blocked", SHELL="/bin/bash")
up = t.until(b"lab(udp-port-blocked)$ ")
t.type(b"cat /etc/resolv.conf\n")
inside = t.until(b"nameserver 192.168.77.1")
t.type(b"exit 3\n")
got = code(t.wait())
result("shell-opens", up and inside and got == 3, (got, t.seen))

# The terminal goes away (a closed window, a lost connection): all of the lab goes with it.
mark = f"mark-terminal-{os.getpid()}"
t = Terminal(SALLYPORT, "lab", "clean", "--", "sh", "-c", "echo ready; exec tail -f /dev/null", SALLYPORT_LAB_MARK=mark)
up = t.until(b"ready")
os.close(t.fd)
got = t.wait()


def marked():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if mark.encode() in f.read():
                    found.append(pid)
        except OSError:
            pass
    return found


end = time.monotonic() + 5
while marked() and time.monotonic() < end:
    time.sleep(0.05)
result("closed-terminal-ends-the-lab", up and got is not None and not marked(), (got, marked()))
