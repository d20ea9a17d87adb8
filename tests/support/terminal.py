"""A command in a real terminal, and the person in front of it."""

import re
import sys
from types import TracebackType
from typing import Final, Self

import pexpect

from tests.support.program import PATIENCE, Home

_QUESTION: Final = re.compile(r"(?P<text>[^\r\n]*?)(?: \[(?P<default>[^\]\r\n]*)\])?: $")


class Terminal:
    """A context manager; whatever is left of the command is ended with it."""

    def __init__(self, home: Home, *words: str, without: tuple[str, ...] = ()) -> None:
        environment = {
            name: value
            for name, value in home.environment.items()
            if name.removeprefix("BUSYLIGHT_") not in without
        }
        self.process = pexpect.spawn(
            sys.executable,
            ["-m", "busylight", *words],
            cwd=str(home.directory),
            env=environment | {"DISPLAY": "", "WAYLAND_DISPLAY": "", "COLUMNS": "200"},
            encoding="utf-8",
            timeout=PATIENCE,
            dimensions=(50, 250),
        )
        self.seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            sys.stderr.write(f"--- the screen\n{self.seen}{self.process.before}\n")
        self.process.close(force=True)

    def asks(self, text: str) -> str:
        """Wait for the question that has `text` in it; its default."""
        self.process.expect(rf"(?s){text}.*?: $")
        self.seen += (self.process.before or "") + (self.process.after or "")
        found = _QUESTION.search(self.seen)
        return (found["default"] or "") if found else ""

    def says(self, pattern: str) -> "re.Match[str]":
        """Wait until that is on the screen."""
        self.process.expect(pattern)
        self.seen += (self.process.before or "") + (self.process.after or "")
        match = self.process.match
        assert isinstance(match, re.Match)
        return match

    def answer(self, question: str, answer: str = "") -> None:
        """Wait for a question, and type an answer."""
        self.asks(question)
        self.process.sendline(answer)

    def ctrl_c(self) -> None:
        """Press it."""
        self.process.sendintr()

    def ends(self) -> int:
        """Wait for its end; its exit code."""
        self.process.expect(pexpect.EOF)
        self.seen += self.process.before or ""
        self.process.close()
        code: int | None = self.process.exitstatus
        assert code is not None, self.seen
        return code
