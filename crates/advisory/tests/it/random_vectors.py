"""Random CVSS vectors of every version, each with its score by Red Hat's `cvss` library: a vector, a tab, the score."""

import random
import sys

from cvss import CVSS2, CVSS3, CVSS4

V2 = [("AV", "LAN"), ("AC", "HML"), ("Au", "MSN"), ("C", "NPC"), ("I", "NPC"), ("A", "NPC")]
V3 = [("AV", "NALP"), ("AC", "LH"), ("PR", "NLH"), ("UI", "NR"), ("S", "UC"), ("C", "HLN"), ("I", "HLN"), ("A", "HLN")]
V4 = [("AV", "NALP"), ("AC", "LH"), ("AT", "NP"), ("PR", "NLH"), ("UI", "NPA"), ("VC", "HLN"), ("VI", "HLN"), ("VA", "HLN"),
      ("SC", "HLN"), ("SI", "HLN"), ("SA", "HLN")]
# What a finder may add: how mature exploits are.
THREAT = ("E", "XAPU")


def vector(random, metrics):
    return "/".join(f"{name}:{random.choice(values)}" for name, values in metrics)


def main(count):
    numbers = random.Random(11)
    for _ in range(count):
        text = vector(numbers, V2)
        print(text, CVSS2(text).base_score, sep="\t")
        for version in ("3.0", "3.1"):
            text = f"CVSS:{version}/{vector(numbers, V3)}"
            print(text, CVSS3(text).base_score, sep="\t")
        text = f"CVSS:4.0/{vector(numbers, V4)}"
        print(text, CVSS4(text).base_score, sep="\t")
        text += "/" + vector(numbers, [THREAT])
        print(text, CVSS4(text).base_score, sep="\t")


main(int(sys.argv[1]))
