"""Pushes of an image, with its layers looked into and not, and to a registry that looks into nothing.

One client for all of them, which does what docker does: for each layer a POST and a PUT of its bytes, three layers at
once, then config and manifest. What is told apart is when the last layer was acknowledged and when the manifest was.
Layers that nobody looks into are the same bytes but for the first one, so that they are no gzip: as many bytes arrive, are
hashed and are made durable, and none is inflated.
"""

import hashlib
import http.client
import json
import shutil
import socket
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scans import CACHE, PLIMSOLL, House, blobs
from timing import RUNS, Table

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Image:
    """Config, layers and manifest in memory, so that reading them costs nobody anything."""

    def __init__(self, layout, opaque):
        index = json.loads((layout / "index.json").read_text())
        path = lambda name: layout / "blobs" / Path(*name.split(":"))
        manifest = json.loads(path(index["manifests"][0]["digest"]).read_text())
        self.config = path(manifest["config"]["digest"]).read_bytes()
        layers = [layer.read_bytes() for layer in blobs(layout)]
        self.layers = [b"\0" + layer[1:] for layer in layers] if opaque else layers
        self.names = [digest(layer) for layer in self.layers]
        describe = lambda name, content, kind: {"mediaType": kind, "digest": name, "size": len(content)}
        manifest["config"] = describe(digest(self.config), self.config, manifest["config"]["mediaType"])
        manifest["layers"] = [describe(name, content, LAYER) for name, content in zip(self.names, self.layers)]
        manifest.update(mediaType=MANIFEST)
        self.manifest = json.dumps(manifest).encode()


def ask(connection, method, path, body=None, kind="application/octet-stream"):
    connection.request(method, path, body=body, headers={"Content-Type": kind} if body is not None else {"Content-Length": "0"})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status >= 300:
        sys.exit(f"bench: {method} {path} answered {answer.status}: {said[:500]!r}")
    return answer


def push_blob(port, name, content):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    place = ask(connection, "POST", "/v2/bench/image/blobs/uploads/").headers["Location"]
    place = "/" + place.split("://", 1)[-1].split("/", 1)[1]
    ask(connection, "PUT", f"{place}{'&' if '?' in place else '?'}digest={name}", content)


def push(port, image):
    """Seconds until the last layer was acknowledged, and until the manifest was."""
    began = time.monotonic()
    with ThreadPoolExecutor(3) as three:
        list(three.map(lambda blob: push_blob(port, *blob), zip(image.names, image.layers)))
    stored = time.monotonic() - began
    push_blob(port, digest(image.config), image.config)
    ask(http.client.HTTPConnection("127.0.0.1", port), "PUT", "/v2/bench/image/manifests/1.0", image.manifest, MANIFEST)
    return stored, time.monotonic() - began


class Server:
    """A registry on a port of its own, with nothing in it."""

    def __init__(self, command, **options):
        self.port = free_port()
        self.process = subprocess.Popen(
            command(self.port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
        )
        for _ in range(500):
            try:
                ask(http.client.HTTPConnection("127.0.0.1", self.port), "GET", "/v2/")
                return
            except OSError:
                time.sleep(0.02)
        sys.exit(f"bench: nothing listens on port {self.port}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def measure(work):
    house = House(work)
    layout = CACHE / "bench-image-four"
    images = {opaque: Image(layout, opaque) for opaque in (False, True)}
    ours = lambda port: [PLIMSOLL, "--data", str(house.data), "up", "--listen", f"127.0.0.1:{port}"]
    seconds = {}

    def run(name, command, image, fresh, **options):
        fresh()
        with Server(command, **options) as server:
            seconds.setdefault(name, []).append(push(server.port, image))

    other = work / "docker-registry"
    program = shutil.which("docker-registry")
    # In turn, so that what else the machine does falls on all of them.
    for _ in range(RUNS):
        run("plimsoll up", ours, images[False], house.fresh)
        run("plimsoll up, layers that it does not look into", ours, images[True], house.fresh)
        if program:
            run("docker-registry", lambda port: docker_registry(program, other, port), images[False],
                lambda: shutil.rmtree(other, ignore_errors=True))
    table = Table(
        f"Push of {len(images[False].layers)} layers of gzip, {sum(map(len, images[False].layers)) / 1e6:.0f} MB",
        "plimsoll up, layers acknowledged",
    )
    for name, runs in seconds.items():
        table.add(f"{name}, layers acknowledged", statistics.median(stored for stored, _ in runs))
        table.add(f"{name}, manifest acknowledged", statistics.median(whole for _, whole in runs))
    table.show()


def docker_registry(program, folder, port):
    """Debian's docker-registry: what it stores goes into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "config.yml"
    settings.write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    return [program, "serve", str(settings)]
