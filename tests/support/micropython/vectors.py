"""Every vector of the file that is named, against the modules of the boards; prints how many."""

import json
import sys

from firmware_bridge import protocol
from firmware_bridge.light import GAMMA, Light, level

with open(sys.argv[1]) as file:
    vectors = json.load(file)
hexed = bytes.fromhex

for each in vectors["crc"]:
    assert protocol.crc16(hexed(each["content"])) == each["crc"], each
for each in vectors["stuffing"]:
    assert protocol.stuff(hexed(each["plain"])) == hexed(each["coded"]), each
    assert protocol.unstuff(hexed(each["coded"])) == hexed(each["plain"]), each
for each in vectors["frames"]:
    wire, payload = hexed(each["wire"]), hexed(each["payload"])
    sequence, kind, version = each["sequence"], each["kind"], each["version"]
    assert protocol.encode(sequence, kind, payload, version) == wire, each
    (read,) = protocol.Reader().feed(wire)
    assert (read.version, read.sequence, read.kind, read.payload) == (
        version,
        sequence,
        kind,
        payload,
    ), each
for each in vectors["junk"]:
    assert protocol.Reader().feed(hexed(each["wire"])) == [], each
assert hexed(vectors["gamma"]) == GAMMA
for effect, elapsed, period, expected in vectors["levels"]:
    assert level(effect, elapsed, period) == expected, (effect, elapsed, period)
for each in vectors["duties"]:
    light = Light(each["pixels"], each["limit"], each["channel"])
    light.show(protocol.Show(*each["show"]))
    light.advance(each["elapsed"])
    assert list(light.duty()) == each["duty"], each
print(sum(len(vectors[name]) for name in ("crc", "stuffing", "frames", "junk", "levels", "duties")))
