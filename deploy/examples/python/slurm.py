#!/usr/bin/env python3
"""Drains Slurm's nodes while nodewarden has them out of service, and undrains exactly those.

Run it where `scontrol` works. A node's name in nodewarden is its NodeName in Slurm. The reason of a drain of ours
begins with "nodewarden:" and names the decision. A node that somebody drained for another reason, before or after
us, stays as it is. Stopped or cut off, it changes nothing; started again, it compares everything.
"""
import re
import subprocess

from scheduler import Fleet, main, tell

OURS = "nodewarden:"


def scontrol(*words):
    try:
        done = subprocess.run(["scontrol", *words], capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired as fault:
        raise OSError(str(fault)) from fault
    if done.returncode:
        raise OSError(f"scontrol {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def nodes():
    """Slurm's nodes: name → whether it drains, and the reason for its state."""
    seen = {}
    for line in scontrol("show", "node", "--oneliner").splitlines():
        name, state = re.search(r"NodeName=(\S+)", line), re.search(r" State=(\S+)", line)
        reason = re.search(r" Reason=(.*?)(?: \[\S+@\S+\])?$", line.strip())
        if name and state:
            seen[name[1]] = ("DRAIN" in state[1], reason[1] if reason else "")
    return seen


class Slurm(Fleet):
    """The nodes that are out of service, carried out in Slurm."""

    def take_snapshot(self):
        super().take_snapshot()
        self.carry_out()

    def hear(self, kind, message):
        super().hear(kind, message)
        # With each position, once a sweep, too: what was changed behind our back is put right.
        self.carry_out()

    def carry_out(self):
        self.refused = False
        out = {node["name"]: node["decision_id"] for node in self.out.values() if node["name"]}
        for name, (drains, reason) in nodes().items():
            ours = drains and reason.startswith(OURS)
            if name in out and not drains:
                self.update(name, "state=drain", f"reason={OURS}{out[name]}")
            elif name not in out and ours:
                self.update(name, "state=undrain")

    def update(self, name, *change):
        try:
            scontrol("update", f"nodename={name}", *change)
            tell(change=change[0], node=name)
        except OSError as fault:
            # One node that Slurm refuses holds up no other; the next position tries again.
            self.refused = True
            tell(change="refused", node=name, why=str(fault))


if __name__ == "__main__":
    try:
        main(Slurm, __doc__)
    except KeyboardInterrupt:
        pass
