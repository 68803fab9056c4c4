"""Judges versions around the bounds of every advisory in a folder, by OSV's own rules and nothing else.

An answer of its own for each ecosystem's order, written from its definition, so that a mistake in the program under test is
not made twice: `packaging` for Python, the rest below. For each version a line: ecosystem, package, version, ids, tabs
between, spaces between ids.

    python3 judge.py FOLDER ECOSYSTEM SHARE      # packages whose name's hash is divisible by SHARE
"""

import functools
import hashlib
import json
import os
import re
import sys

from packaging.version import InvalidVersion, Version


# ---- orders: a key that Python sorts, or None for what is no version -----------------------------------------------

def semver(text):
    """SemVer 2.0 section 11; a leading v and absent parts are allowed, builds say nothing."""
    match = re.fullmatch(r"v?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", text)
    if not match:
        return None
    numbers = [int(part) for part in match[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    if match[2] is None:
        return numbers, (1,)
    return numbers, (0, [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in match[2].split(".")])


def pep440(text):
    try:
        return Version(text)
    except InvalidVersion:
        return None


def numbers(separators):
    def key(text):
        parts = re.split(separators, text)
        return [int(part) for part in parts] if all(part.isdecimal() for part in parts) else None
    return key


def homebrew(text):
    """Numbers and the formula's revision; those with letters are left out."""
    match = re.fullmatch(r"(\d+(?:\.\d+)*)(?:_(\d+))?", text)
    if not match:
        return None
    version = [int(part) for part in match[1].split(".")]
    while version and version[-1] == 0:
        version.pop()
    return version, int(match[2] or 0)


def rpmvercmp(left, right):
    """rpm's lib/rpmvercmp.c."""
    while left or right:
        left, right = (re.sub(r"^[^0-9A-Za-z~^]+", "", text) for text in (left, right))
        if left.startswith("~") or right.startswith("~"):
            if not left.startswith("~"):
                return 1
            if not right.startswith("~"):
                return -1
            left, right = left[1:], right[1:]
            continue
        if left.startswith("^") or right.startswith("^"):
            if not left:
                return -1
            if not right:
                return 1
            if not left.startswith("^"):
                return 1
            if not right.startswith("^"):
                return -1
            left, right = left[1:], right[1:]
            continue
        if not (left and right):
            break
        kind = r"^[0-9]+" if left[0].isdigit() else r"^[A-Za-z]+"
        one = re.match(kind, left)[0]
        other = re.match(kind, right)
        if not other:
            return 1 if left[0].isdigit() else -1
        other = other[0]
        left, right = left[len(one):], right[len(other):]
        if one.isdigit():
            one, other = one.lstrip("0"), other.lstrip("0")
            if len(one) != len(other):
                return 1 if len(one) > len(other) else -1
        if one != other:
            return 1 if one > other else -1
    return (len(left) > 0) - (len(right) > 0)


def compare_rpm(left, right):
    def split(text):
        epoch, version = text.split(":", 1) if re.match(r"^\d+:", text) else ("0", text)
        version, _, release = version.partition("-")
        return epoch, version, release
    for one, other in zip(split(left), split(right)):
        order = rpmvercmp(one, other)
        if order:
            return order
    return 0


rpm = functools.cmp_to_key(compare_rpm)

ORDERS = {
    "PyPI": pep440,
    "Go": semver,
    "crates.io": semver,
    "Bitnami": semver,
    "AlmaLinux": rpm,
    "Hackage": numbers(r"\."),
    "GHC": numbers(r"\."),
    "CRAN": numbers(r"[.-]"),
    "Homebrew": homebrew,
}


# ---- OSV schema, "Evaluation" ---------------------------------------------------------------------------------------

def is_vulnerable(version, key, affected, order):
    return included_in_versions(version, key, affected, order) or included_in_ranges(key, affected, order)


def included_in_versions(version, key, affected, order):
    return any(listed == version or order(listed) == key for listed in affected.get("versions") or [])


def included_in_ranges(key, affected, order):
    for one in affected.get("ranges") or []:
        if one["type"] == "GIT":
            continue
        own = semver if one["type"] == "SEMVER" else order
        events = [next(iter(event.items())) for event in one["events"]]
        if before_limits(key, events, own) and in_range(key, events, own):
            return True
    return False


def before_limits(key, events, order):
    limits = [bound for kind, bound in events if kind == "limit"]
    return not limits or any(bound == "*" or key < order(bound) for bound in limits)


def in_range(key, events, order):
    # What the order cannot read is never reached.
    events = [(kind, bound, order(bound)) for kind, bound in events if bound == "0" or order(bound) is not None]
    first = [event for event in events if event[1] == "0"]
    others = sorted((event for event in events if event[1] != "0"), key=lambda event: event[2])
    vulnerable = False
    for kind, bound, at in first + others:
        if kind == "introduced" and (bound == "0" or key >= at):
            vulnerable = True
        elif kind == "fixed" and key >= at:
            vulnerable = False
        elif kind == "last_affected" and key > at:
            vulnerable = False
    return vulnerable


# ---- versions around the bounds -------------------------------------------------------------------------------------

def around(ecosystem, bound):
    """The bound, its neighbours, and what sorts closely beside it by each order's own marks."""
    yield bound
    last = re.search(r"\d+(?=\D*$)", bound)
    if last:
        number = int(last[0])
        for other in {number + 1, max(number - 1, 0), number * 10}:
            yield bound[: last.start()] + str(other) + bound[last.end():]
    if ecosystem == "AlmaLinux":
        yield from (bound + "~1", bound + "^1", bound + ".1", re.sub(r"^\d+:", "", bound))
    elif ecosystem == "PyPI":
        yield from (bound + ".0", bound + "a1", bound + ".dev1", bound + ".post1", bound + "+local.1")
    elif ecosystem in ("Go", "crates.io", "Bitnami"):
        yield from (bound + "-0", bound + "-rc.1", "v" + bound, "0.0.0-20200101000000-0123456789ab")
    else:
        yield from (bound + ".0", bound + ".1")
        if ecosystem == "Homebrew":
            yield bound + "_1"


def main(folder, ecosystem, share):
    base = ecosystem.split(":")[0]
    order = functools.lru_cache(None)(ORDERS[base])
    packages = {}
    for parent, _, files in os.walk(folder):
        for name in files:
            if not name.endswith(".json"):
                continue
            with open(os.path.join(parent, name), encoding="utf-8") as file:
                record = json.load(file)
            if record.get("withdrawn") or "id" not in record:
                continue
            for affected in record.get("affected") or []:
                package = affected.get("package") or {}
                if package.get("ecosystem") == ecosystem:
                    name = package["name"]
                    if base == "PyPI":
                        name = re.sub(r"[-_.]+", "-", name).lower()
                    packages.setdefault(name, []).append((record["id"], affected))
    for name, claims in sorted(packages.items()):
        if int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % share:
            continue
        versions = {"0", "0.0.0", "99999"}
        for _, affected in claims:
            versions.update(affected.get("versions") or [])
            for one in affected.get("ranges") or []:
                if one["type"] != "GIT":
                    for event in one["events"]:
                        for bound in event.values():
                            versions.update(around(base, bound))
        for version in sorted(versions):
            key = order(version)
            if key is None:
                continue
            ids = sorted({id for id, affected in claims if is_vulnerable(version, key, affected, order)})
            print(ecosystem, name, version, " ".join(ids), sep="\t")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
