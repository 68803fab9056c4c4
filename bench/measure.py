"""Times Plimsoll and its peers in one run and prints tables in Markdown. Called by `bench/run.sh`, which makes the
images and the programs.

    measure.py [scans] [pushes] [starts]      what to measure; all of it without words
    measure.py repeat RUNS COMMAND…  seconds of one command, for a call from a mount namespace of its own
"""

import os
import platform
import sys
import tempfile
from pathlib import Path

from timing import RUNS, timed


def machine():
    """One line that says what the figures were measured on."""
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {cpu}, {memory:.0f} GiB, Linux {platform.release()}"


def main(wanted):
    import pushes
    import scans
    import starts

    print(f"Measured on {machine()}; {RUNS} runs; load before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="plimsoll-bench.") as folder:
        work = Path(folder)
        work.chmod(0o755)
        for name, measure in {"scans": scans.measure, "pushes": pushes.measure, "starts": starts.measure}.items():
            if not wanted or name in wanted:
                measure(work)


if sys.argv[1:2] == ["repeat"]:
    print(timed(sys.argv[3:], int(sys.argv[2])))
else:
    main(sys.argv[1:])
