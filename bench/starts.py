"""A container from the start of the command to its exit, against crun."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from timing import RUNS, Table, run, timed

PLIMSOLL = os.environ["PLIMSOLL"]


def measure(work):
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
    again = [sys.executable, Path(__file__).with_name("measure.py"), "repeat", str(RUNS * 4), "crun", "run", "--bundle", str(bundle), "plimsoll-bench"]
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
