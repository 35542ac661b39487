"""What the benchmarks in Python share: private servers, waiting, processor time."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BINARY = REPO / "target/release/nodewarden"
SERVERS = REPO / "tests/servers"
TICKS = os.sysconf("SC_CLK_TCK")


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(what, seconds, ready, pause=1.0):
    end = time.monotonic() + seconds
    while not (found := ready()):
        if time.monotonic() > end:
            raise SystemExit(f"waited in vain: {what}")
        time.sleep(pause)
    return found


class Server:
    """A private server of tests/servers."""

    def __init__(self, kind, work):
        self.kind, self.dir, self.port = kind, work / kind, free_port()
        subprocess.run([SERVERS / kind, "start", self.dir, str(self.port)], check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        subprocess.run([SERVERS / self.kind, "stop", self.dir], stdout=subprocess.DEVNULL)

    def cpu(self):
        """Seconds of processor of the server and its children, ended ones as well."""
        return cpu_of_tree(int((self.dir / "server.pid").read_text().split()[0]))


def stat_of(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), [int(field) for field in fields[11:15]]


def cpu_of(pid):
    return sum(stat_of(pid)[1][:2]) / TICKS


def cpu_of_tree(root):
    parents, spent = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)], spent[int(entry.name)] = stat_of(entry.name)
            except (FileNotFoundError, ProcessLookupError):
                continue
    total = 0
    for pid in spent:
        above = pid
        while above and above != root:
            above = parents.get(above, 0)
        if above == root:
            own = spent[pid]
            total += sum(own) if pid == root else sum(own[:2])
    return total / TICKS
