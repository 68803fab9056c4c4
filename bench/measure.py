"""Times Plimsoll and its peers over one image, in one run, and prints a table in Markdown.

Called by `bench/run.sh`, which makes the image and the programs. Every figure is the median of several runs of the
whole process, started with warm page cache; memory is the largest sum of anonymous memory (RssAnon) over the
process and all its descendants that a sampler saw.
"""

import contextlib
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PLIMSOLL = os.environ["PLIMSOLL"]
SYFT = os.environ["SYFT"]
LAYOUT = Path(os.environ["LAYOUT"])
RUNS = int(os.environ.get("RUNS", "5"))
ROOT = Path(__file__).resolve().parent.parent


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


def blobs():
    """The layers of the image, as files."""
    index = json.loads((LAYOUT / "index.json").read_text())
    path = lambda digest: LAYOUT / "blobs" / Path(*digest.split(":"))
    manifest = json.loads(path(index["manifests"][0]["digest"]).read_text())
    return [path(layer["digest"]) for layer in manifest["layers"]]


def machine():
    """One line that says what the figures were measured on."""
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {cpu}, {memory:.0f} GiB, Linux {platform.release()}"


def advisories():
    """Where the index's records come from, and how the table names it."""
    for candidate in (os.environ.get("ADVISORIES"), ROOT.parent / "shared/data/osv", ROOT / "demo/advisories"):
        if candidate and Path(candidate).exists():
            return Path(candidate)
    sys.exit("bench: no advisories; name a folder with ADVISORIES=DIR")


def scans(work):
    """Scans of an image never seen, and of a known one."""
    layers = blobs()
    compressed = sum(layer.stat().st_size for layer in layers)
    uncompressed = Path(os.environ["TAR"]).stat().st_size
    for layer in layers:
        layer.read_bytes()  # into the page cache, for everybody alike

    seed, data = work / "seed", work / "data"
    records = advisories()
    archives = [path for path in sorted(records.glob("*")) if path.name.endswith((".zip", ".tar", ".tar.gz", ".tar.zst"))]
    for path in archives or [records]:
        run([PLIMSOLL, "--data", seed, "db", "import", path])
    image = f"oci:{LAYOUT}:1.0"
    scan = [PLIMSOLL, "--data", str(data), "scan", "--offline", "--format", "json", "--output", str(work / "report.json"), image]

    def fresh():
        shutil.rmtree(data, ignore_errors=True)
        run(["cp", "-a", seed, data])

    names = " ".join(map(str, layers))
    table = Table(
        f"Scan: {len(layers)} layer, {compressed / 1e6:.0f} MB of gzip, {uncompressed / 1e9:.2f} GB of tar, "
        f"advisories from {records.name}",
        "plimsoll scan (never seen)",
    )
    fresh()
    table.add("plimsoll scan (never seen)", timed(scan, RUNS, fresh), peak_memory(scan, fresh))
    fresh()
    run(scan)
    table.add("plimsoll scan (known)", timed(scan, RUNS * 4), peak_memory(scan))
    for program in ("pigz", "gzip"):
        table.add(f"{program} -dc", timed(["sh", "-c", f"{program} -dc {names} >/dev/null"], RUNS))
    syft = [SYFT, "scan", f"oci-dir:{LAYOUT}", "--output", f"json={work / 'syft.json'}", "--quiet"]
    os.environ["SYFT_CHECK_FOR_APP_UPDATE"] = "false"
    table.add("syft scan", timed(syft, max(2, RUNS // 2)), peak_memory(syft))
    table.show()


def starts(work):
    """A container from the start of the command to the exit of its `true`, against crun over the same tree."""
    layout = work / "small"
    image = f"{layout}:1.0"
    run(["umoci", "init", "--layout", layout])
    run(["umoci", "new", "--image", image])
    run(["umoci", "raw", "add-layer", "--image", image, os.environ["SMALL"]])
    run(["umoci", "config", "--image", image, "--config.cmd", "/bin/true", "--config.env", "PATH=/usr/bin:/bin"])

    with server(work / "served") as (data, address):
        reference = f"{address}/bench/small:1.0"
        run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{image}", f"docker://{reference}"])
        plimsoll = [PLIMSOLL, "--data", data, "run", "--rm", reference, "true"]
        run(plimsoll)  # The layers are unpacked once.
        ours = timed(plimsoll, RUNS * 4)

    table = Table("Start of a container to the exit of `true`, image known", "plimsoll run")
    table.add("plimsoll run", ours)
    table.add("crun run", crun(work, image))
    table.show()


def crun(work, image):
    """The same tree under crun, with a user namespace too. It refuses a hybrid cgroup mount, which is hidden from it."""
    bundle = work / "bundle"
    run(["umoci", "unpack", "--image", image, bundle])
    path = bundle / "config.json"
    config = json.loads(path.read_text())
    config["process"].update(terminal=False, args=["true"])
    ids = [{"containerID": 0, "hostID": 0x7FFE0000, "size": 65536}]
    config["linux"]["namespaces"] = [{"type": kind} for kind in ("user", "mount", "pid", "ipc", "uts", "network", "cgroup")]
    config["linux"].update(uidMappings=ids, gidMappings=ids)
    path.write_text(json.dumps(config))
    run(["chown", "-R", f"{0x7FFE0000}:{0x7FFE0000}", bundle / "rootfs"])
    for folder in (work, bundle):
        folder.chmod(0o755)
    hide = "if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi"
    again = [sys.executable, __file__, "repeat", str(RUNS * 4), "crun", "run", "--bundle", str(bundle), "plimsoll-bench"]
    return float(run(["unshare", "--mount", "bash", "-c", f'{hide}; exec "$@"', "bash", *again]).stdout)


@contextlib.contextmanager
def server(data):
    """`plimsoll up` on a free port, and its data folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    child = subprocess.Popen([PLIMSOLL, "--data", data, "up", "--listen", address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if subprocess.run(["curl", "-fsS", f"http://{address}/v2/"], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        else:
            sys.exit("bench: plimsoll up does not answer")
        yield data, address
    finally:
        child.terminate()
        child.wait()


def main():
    print(f"Measured on {machine()}; {RUNS} runs; load before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="plimsoll-bench.") as folder:
        work = Path(folder)
        work.chmod(0o755)
        scans(work)
        starts(work)


if sys.argv[1:2] == ["repeat"]:  # In a mount namespace of its own, for crun.
    print(timed(sys.argv[3:], int(sys.argv[2])))
else:
    main()
