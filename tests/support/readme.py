"""The commands that the README has people type."""

import re
import subprocess
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def commands(after: str) -> list[str]:
    """What the first block of sh after that text has people type, one by one."""
    _, found, rest = README.read_text("utf-8").partition(after)
    block = re.search(r"```sh\n(.*?)```", rest, re.DOTALL)
    assert found, f"README.md does not say {after!r}"
    assert block is not None, f"README.md has no commands after {after!r}"
    typed, command = [], ""
    for line in block[1].splitlines():
        command += line + "\n"
        if _is_whole(command):
            typed.append(command.strip())
            command = ""
    assert not command, f"this does not end: {command}"
    return typed


def _is_whole(command: str) -> bool:
    """Whether a shell would run it, or wait for more."""
    if command.endswith("\\\n"):
        return False
    done = subprocess.run(
        ["bash", "-n", "-c", command], capture_output=True, text=True, check=False
    )
    return done.returncode == 0 and "here-document" not in done.stderr
