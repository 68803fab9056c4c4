"""Makes the benchmark's image in its other shapes, from its one uncompressed layer: in four layers of like size, in
zstd, and as `docker save` writes it.

    images.py TAR LAYOUT CACHE      the layer, its OCI layout, and the folder that keeps what is made
"""

import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path


def run(*command):
    subprocess.run(list(map(str, command)), check=True, stdout=sys.stderr)


def split(source, folder, parts):
    """The tar's members in their order, in parts of like size. A hard link stands with the file that it names."""
    total = source.stat().st_size
    paths = [folder / f"part-{number}.tar" for number in range(parts)]
    writers = [tarfile.open(path, "w", format=tarfile.PAX_FORMAT) for path in paths]
    part_of, seen = {}, 0
    with tarfile.open(source) as archive:
        for member in archive:
            part = min(seen * parts // total, parts - 1)
            if member.islnk():
                part = part_of.get(member.linkname, part)
            part_of[member.name] = part
            content = archive.extractfile(member) if member.isreg() else None
            writers[part].addfile(member, content)
            seen += 1024 + member.size
    for writer in writers:
        writer.close()
    return paths


def once(place, make):
    """Makes a folder or file that appears whole or not at all."""
    if not place.exists():
        part = place.with_name(place.name + ".part")
        run("rm", "-rf", part)
        make(part)
        part.rename(place)


def four_layers(source):
    def make(layout):
        run("umoci", "init", "--layout", layout)
        run("umoci", "new", "--image", f"{layout}:1.0")
        folder = layout.with_name("split")
        folder.mkdir(exist_ok=True)
        for part in split(source, folder, 4):
            run("umoci", "raw", "add-layer", "--image", f"{layout}:1.0", part)
            part.unlink()
        folder.rmdir()

    return make


def in_zstd(source, layout):
    """The same config over the same layer, compressed by zstd at its usual level."""

    def blob(folder, content):
        path = folder / "blobs/sha256" / hashlib.sha256(content).hexdigest()
        path.write_bytes(content)
        return {"digest": f"sha256:{path.name}", "size": len(content)}

    def make(folder):
        (folder / "blobs/sha256").mkdir(parents=True)
        read = lambda digest: (layout / "blobs" / Path(*digest.split(":"))).read_bytes()
        index = json.loads((layout / "index.json").read_text())
        manifest = json.loads(read(index["manifests"][0]["digest"]))
        blob(folder, read(manifest["config"]["digest"]))
        packed = folder / "layer"
        run("zstd", "-q", "-3", "-o", packed, source)
        with packed.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        layer = manifest["layers"][0]
        layer.update(mediaType="application/vnd.oci.image.layer.v1.tar+zstd", digest=f"sha256:{digest}", size=packed.stat().st_size)
        packed.rename(folder / "blobs/sha256" / digest)
        index["manifests"][0].update(blob(folder, json.dumps(manifest).encode()))
        (folder / "index.json").write_text(json.dumps(index))
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    return make


def main():
    source, layout, cache = map(Path, sys.argv[1:])
    once(cache / "bench-image-four", four_layers(source))
    once(cache / "bench-image-zstd", in_zstd(source, layout))
    archive = lambda part: run("skopeo", "copy", "-q", f"oci:{layout}:1.0", f"docker-archive:{part}:bench:1.0")
    once(cache / "bench-image.tar", archive)


main()
