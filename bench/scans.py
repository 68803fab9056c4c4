"""Scans of one image in several shapes, never seen and known, against the programs that people know."""

import json
import os
import shutil
import sys
from pathlib import Path

from timing import RUNS, Table, peak_memory, run, timed

PLIMSOLL = os.environ["PLIMSOLL"]
LAYOUT = Path(os.environ["LAYOUT"])
CACHE = LAYOUT.parent
ROOT = Path(__file__).resolve().parent.parent


class House:
    """A data folder that begins with the advisories and nothing else, again and again."""

    def __init__(self, work):
        self.seed, self.data, self.report = work / "seed", work / "data", work / "report.json"
        records = advisories()
        packed = (".zip", ".tar", ".tar.gz", ".tar.zst")
        archives = [path for path in sorted(records.glob("*")) if path.name.endswith(packed)]
        for path in archives or [records]:
            run([PLIMSOLL, "--data", self.seed, "db", "import", path])
        self.advisories = records.name

    def fresh(self):
        shutil.rmtree(self.data, ignore_errors=True)
        run(["cp", "-a", self.seed, self.data])

    def scan(self, target, *options):
        to_file = ["--format", "json", "--output", str(self.report)]
        return [PLIMSOLL, "--data", str(self.data), "scan", "--offline", *to_file, *options, target]

    def cold(self, target, *options):
        """Seconds and memory of a scan of what was never seen."""
        command = self.scan(target, *options)
        return timed(command, RUNS, self.fresh), peak_memory(command, self.fresh)


def advisories():
    """Where the index's records come from."""
    for candidate in (os.environ.get("ADVISORIES"), ROOT.parent / "shared/data/osv", ROOT / "demo/advisories"):
        if candidate and Path(candidate).exists():
            return Path(candidate)
    sys.exit("bench: no advisories; name a folder with ADVISORIES=DIR")


def blobs(layout):
    """The layers of the image in a layout, as files, which are then in the page cache for everybody alike."""
    index = json.loads((layout / "index.json").read_text())
    path = lambda digest: layout / "blobs" / Path(*digest.split(":"))
    manifest = json.loads(path(index["manifests"][0]["digest"]).read_text())
    found = [path(layer["digest"]) for layer in manifest["layers"]]
    for layer in found:
        layer.read_bytes()
    return found


def shell(line):
    return ["sh", "-c", line]


def measure(work):
    house = House(work)
    one_layer(house, work)
    shapes(house)
    known(house, work)


def one_layer(house, work):
    layers = blobs(LAYOUT)
    names = " ".join(map(str, layers))
    compressed = sum(layer.stat().st_size for layer in layers)
    uncompressed = Path(os.environ["TAR"]).stat().st_size
    table = Table(
        f"Image never seen: one layer, {compressed / 1e6:.0f} MB of gzip, {uncompressed / 1e9:.2f} GB of tar, "
        f"advisories from {house.advisories}",
        "plimsoll scan",
    )
    table.add("plimsoll scan", *house.cold(f"oci:{LAYOUT}:1.0"))
    table.add("bare loop: inflate and walk, one thread", timed([os.environ["BARE_LOOP"], *layers], RUNS))
    for program in ("pigz", "gzip"):
        table.add(f"{program} -dc", timed(shell(f"{program} -dc {names} >/dev/null"), RUNS))
    for name, command in peers(work).items():
        table.add(name, timed(command, max(2, RUNS // 2)), peak_memory(command))
    table.show()


def peers(work):
    """Other scanners, where they are installed. None is asked for secrets or asks for updates."""
    os.environ.update(SYFT_CHECK_FOR_APP_UPDATE="false", GRYPE_CHECK_FOR_APP_UPDATE="false")
    syft = os.environ["SYFT"]
    commands = {"syft scan (packages alone)": [syft, "scan", f"oci-dir:{LAYOUT}", "--output", f"json={work / 'syft.json'}", "--quiet"]}
    if trivy := shutil.which("trivy"):
        # Without its cache, where the layer would be known, and without databases: its inventory alone, and no jars,
        # for which it wants one.
        options = ["--cache-dir", str(work / "trivy"), "--quiet", "--format", "cyclonedx", "--skip-files", "'**/*.jar'"]
        image = ["image", "--input", str(LAYOUT), "--output", str(work / "trivy.json")]
        line = f"rm -rf {work / 'trivy'}; exec {trivy} {' '.join(image + options)}"
        commands["trivy image (packages alone, no jars)"] = shell(line)
    return commands


def shapes(house):
    """The same content in other shapes."""
    table = Table("The same content in other shapes, never seen", "one layer of gzip")
    table.add("one layer of gzip", *house.cold(f"oci:{LAYOUT}:1.0"))
    four = CACHE / "bench-image-four"
    blobs(four)
    table.add("four layers of gzip", *house.cold(f"oci:{four}:1.0"))
    zstd = CACHE / "bench-image-zstd"
    packed = " ".join(map(str, blobs(zstd)))
    table.add("one layer of zstd", *house.cold(f"oci:{zstd}:1.0"))
    table.add("`zstd -dc` into `tar -t`", timed(shell(f"zstd -dc {packed} | tar -t >/dev/null"), RUNS))
    archive = CACHE / "bench-image.tar"
    with archive.open("rb") as file:
        while file.read(1 << 24):
            pass
    table.add("docker-archive, plain layer", *house.cold(f"docker-archive:{archive}"))
    table.add("docker-archive, --unverified", *house.cold(f"docker-archive:{archive}", "--unverified"))
    table.show()


def known(house, work):
    """What was seen before, and a list of packages."""
    house.fresh()
    image = house.scan(f"oci:{LAYOUT}:1.0")
    run(image)
    table = Table("What is known, findings included", "plimsoll scan, image known")
    table.add("plimsoll scan, image known", timed(image, RUNS * 4), peak_memory(image))
    packages = work / "packages.cdx.json"
    packages.write_text(json.dumps(package_list()))
    listed = house.scan(f"sbom:{packages}")
    table.add("plimsoll scan, a list of 400 packages", timed(listed, RUNS * 4), peak_memory(listed))
    table.show()


def package_list():
    """400 packages of four ecosystems, some of which have advisories."""
    names = ["django", "jinja2", "pillow", "requests", "urllib3", "tensorflow", "numpy", "flask", "lxml", "ansible"]
    kinds = ["pypi", "npm", "cargo", "golang"]
    purl = lambda number: f"pkg:{kinds[number % 4]}/{names[number % 10]}{number // 40 or ''}@{number % 5}.{number % 7}.0"
    component = lambda number: {"type": "library", "name": purl(number), "version": "1", "purl": purl(number)}
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [component(n) for n in range(400)]}
