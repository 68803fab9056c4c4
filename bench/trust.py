"""What verifying a signature costs, beside `cosign verify`: one image in a registry on loopback, signed once.

`bench/run.sh trust` calls it with PLIMSOLL, VERIFY_CACHED and COSIGN; it prints a table in Markdown.
"""

import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

RUNS = int(os.environ.get("RUNS", "5"))
PLIMSOLL, VERIFY_CACHED, COSIGN = (os.environ[name] for name in ("PLIMSOLL", "VERIFY_CACHED", "COSIGN"))


def registry(folder):
    """Debian's docker-registry on a free port; gives the process and its host."""
    config = os.path.join(folder, "config.yml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(
            "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: "
            f"{folder}/data\nhttp:\n  addr: 127.0.0.1:0\n"
        )
    environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
    process = subprocess.Popen(
        ["docker-registry", "serve", config], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment
    )
    for line in process.stderr:
        if found := re.search(r"listening on ([0-9.:]+)", line):
            # Its log must go on being read, or it stops when the pipe is full.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return process, found.group(1)
    sys.exit("bench: docker-registry ended")


def send(method, url, data, kind="application/octet-stream"):
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": kind})
    with urllib.request.urlopen(request) as answer:
        return answer.headers


def push(host):
    """A small image."""
    base = f"http://{host}/v2/bench/app"
    blobs = []
    for bytes_ in (b'{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}', b"a layer"):
        digest = "sha256:" + hashlib.sha256(bytes_).hexdigest()
        place = send("POST", f"{base}/blobs/uploads/", b"")["Location"]
        send("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", bytes_)
        blobs.append({"digest": digest, "size": len(bytes_)})
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", **blobs[0]}
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", **blobs[1]}
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]}
    send("PUT", f"{base}/manifests/1", json.dumps(manifest).encode(), kind)


def timed(command, environment):
    """Median seconds, and processor seconds a run."""
    walls = []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(RUNS):
        start = time.monotonic()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        walls.append(time.monotonic() - start)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / RUNS
    return sorted(walls)[len(walls) // 2], spent


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        process, host = registry(folder)
        try:
            push(host)
            image, key = f"{host}/bench/app:1", f"{folder}/key"
            environment = {**os.environ, "HOME": folder, "PLIMSOLL_DATA": f"{folder}/plimsoll"}
            environment["PLIMSOLL_PASSPHRASE"] = "a phrase for this run alone"
            subprocess.run([PLIMSOLL, "key", "generate", key], env=environment, check=True, stdout=subprocess.DEVNULL)
            sign = [PLIMSOLL, "sign", "--key", f"{key}.key", image]
            subprocess.run(sign, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ours = [PLIMSOLL, "verify", "--key", f"{key}.pub", image]
            cosign = [COSIGN, "verify", "--key", f"{key}.pub", "--insecure-ignore-tlog", "--allow-http-registry", image]
            rows = [("`cosign verify`", *timed(cosign, environment)), ("`plimsoll verify`", *timed(ours, environment))]
            said = subprocess.run([VERIFY_CACHED, image, f"{key}.pub"], check=True, stdout=subprocess.PIPE, text=True).stdout
            checked, asked = (int(number) for number in re.findall(r"\d+", said))
        finally:
            process.kill()
            process.wait()
    base = rows[0][1]
    print("\n## Verifying a signature\n\n| what | wall | processor | cosign's wall, times |\n|---|---|---|---|")
    for name, wall, spent in rows:
        print(f"| {name} | {wall * 1000:.0f} ms | {spent * 1000:.0f} ms | {wall / base:.2f} |")
    print(f"| a verification in a process that runs, asking the registry what there is | | {asked / 1000:.2f} ms | |")
    print(f"| its checks alone | | {checked / 1000:.2f} ms | |")


main()
