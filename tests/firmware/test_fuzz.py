"""A million random bytes and a hundred thousand mutated frames, against each implementation."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from firmware_bridge import protocol
from tests.support.targets import Host, Target

VECTORS: dict[str, Any] = json.loads(
    (Path(protocol.__file__).parent / "vectors.json").read_text("utf-8")
)
RANDOM_BYTES: Final = 1_000_000
MUTATED_FRAMES: Final = 100_000


def _mutated(draw: random.Random) -> bytes:
    # One that goes through unspoilt would end MicroPython's firmware, as it should.
    frames = [each for each in VECTORS["frames"] if each["kind"] != protocol.REPL]
    vector = draw.choice(frames)
    wire = bytearray.fromhex(vector["wire"])
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(wire))
        match draw.randrange(4):
            case 0:
                wire[place] ^= 1 << draw.randrange(8)
            case 1:
                del wire[place:]
            case 2:
                wire[place:place] = draw.randbytes(draw.randint(1, 40))
            case _:
                wire[place] = draw.randrange(256)
        if not wire:
            break
    return bytes(wire)


def _fuzz(target: Target, pieces: Iterator[bytes]) -> None:
    began, count = time.monotonic(), 0
    with Host(target.path) as host:
        host.greet()
        for number, piece in enumerate(pieces):
            host.write(piece)
            count += len(piece)
            host.sequence = 100 + number % 100  # which none of the vectors has
            wanted = (number & 255, 255, 7)
            # Effects off: the next good frame is taken within two.
            shown = host.show(protocol.Show(*wanted, lifetime=600), tries=2)
            assert shown.show.look()[:3] == wanted
    print(f"{count} bytes in {time.monotonic() - began:.1f} s")


@pytest.mark.timeout(900)
def test_a_million_random_bytes_do_no_harm(fast: Target) -> None:
    draw = random.Random(2026)
    _fuzz(fast, (draw.randbytes(10_000) for _ in range(RANDOM_BYTES // 10_000)))


@pytest.mark.timeout(900)
def test_a_hundred_thousand_mutated_frames_do_no_harm(fast: Target) -> None:
    draw = random.Random(11)
    batches = (b"".join(_mutated(draw) for _ in range(500)) for _ in range(MUTATED_FRAMES // 500))
    _fuzz(fast, batches)
