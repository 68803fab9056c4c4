"""Runs commands and says how long they took and how much memory, and shows it as a table in Markdown.

Every figure is the median of several runs of the whole process, started with warm page cache; memory is the largest sum
of anonymous memory (RssAnon) over the process and all its descendants that a sampler saw.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = int(os.environ.get("RUNS", "5"))


def run(command):
    """Runs a command that must succeed."""
    result = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        words = " ".join(map(str, command))
        sys.exit(f"bench: `{words}` ended with {result.returncode}:\n{result.stderr.decode(errors='replace')[-2000:]}")
    return result


def descendants(root):
    """The process and everything below it, from /proc."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
                children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
            except (OSError, IndexError):
                continue
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        waiting.extend(children.get(process, []))
    return found


def anonymous(process):
    """Anonymous memory of one process in bytes; nothing once it is gone."""
    try:
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def peak_memory(command, prepare=None):
    """The largest sum of anonymous memory over the command's processes, sampled as fast as one core allows."""
    if prepare:
        prepare()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak, family, looked = 0, [child.pid], 0.0
    while child.poll() is None:
        if time.monotonic() - looked > 0.05:
            family, looked = descendants(child.pid), time.monotonic()
        peak = max(peak, sum(anonymous(process) for process in family))
        time.sleep(0.002)
    if child.returncode != 0:
        sys.exit(f"bench: `{' '.join(map(str, command))}` ended with {child.returncode}")
    return peak


def timed(command, runs, prepare=None):
    """Wall-clock seconds of several runs: their median."""
    seconds = []
    for _ in range(runs):
        if prepare:
            prepare()
        began = time.monotonic()
        run(command)
        seconds.append(time.monotonic() - began)
    return statistics.median(seconds)


class Table:
    """Rows of name, median, ratio to Plimsoll's, and memory."""

    def __init__(self, title, base):
        self.title, self.base, self.rows = title, base, []

    def add(self, name, seconds, memory=None):
        self.rows.append((name, seconds, memory))

    def show(self):
        base = next(seconds for name, seconds, _ in self.rows if name == self.base)
        print(f"\n### {self.title}\n")
        print(f"| command | median | against `{self.base}` | peak anonymous memory |")
        print("|---|---|---|---|")
        for name, seconds, memory in self.rows:
            shown = f"{seconds * 1000:.1f} ms" if seconds < 0.2 else f"{seconds:.2f} s"
            told = f"{memory / 2**20:.0f} MiB" if memory else ""
            print(f"| `{name}` | {shown} | {seconds / base:.2f} | {told} |")
        sys.stdout.flush()
