"""Everything that the program ever wrote, and the secrets that must not be in it."""

import base64
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

from busylight.demo.lookalike import Lookalike
from tests.support.broker import Recorder
from tests.support.program import Home, Program

_TOKEN_CACHE: Final = "token_cache.json"
"""The one file that tokens may be in: also while it is written, and when it was set aside."""


class Evidence:
    """Collects texts, and greps them."""

    def __init__(self) -> None:
        self._texts: list[tuple[str, bytes]] = []
        self._secrets: dict[str, str] = {}

    def secret(self, name: str, value: str) -> str:
        """Note a secret by a name that may be shown; returns it."""
        self._secrets[name] = value
        return value

    def secrets_of(self, lookalike: Lookalike) -> None:
        """Note every token, and every code of a device, that was handed out."""
        vault = lookalike.entra.vault
        for kind, drawer in (("access", vault.access), ("refresh", vault.refresh)):
            for number, token in enumerate(drawer):
                self.secret(f"{kind} token {number} of {id(lookalike)}", token)
        for number, sign_in in enumerate(lookalike.entra.sign_ins):
            self.secret(f"device code {number} of {id(lookalike)}", sign_in.device_code)

    def note(self, where: str, text: str | bytes) -> None:
        """Keep something that was written."""
        self._texts.append((where, text.encode() if isinstance(text, str) else text))

    def of_run(self, home: Home, *words: str) -> int:
        """Run a command, keep what it says; its exit code."""
        done = home.run(*words)
        self.note(f"stdout of {words}", done.stdout)
        self.note(f"stderr of {words}", done.stderr)
        return done.returncode

    def of_daemon(self, program: Program) -> None:
        """Keep what a running daemon has said so far, everywhere."""
        self.note("stdout of the daemon", program.out)
        self.note("stderr of the daemon", program.errors)
        self.note("its socket", json.dumps(program.report(), ensure_ascii=False))
        process = Path("/proc") / str(program.process.pid)
        self.note("its command line", (process / "cmdline").read_bytes())
        for thread in (process / "task").iterdir():
            self.note("the name of a thread", (thread / "comm").read_bytes())

    def of_broker(self, recorder: Recorder) -> None:
        """Keep what was ever published."""
        for heard in recorder.heard:
            self.note(f"a payload on {heard.topic}", heard.payload)
            self.note("a topic", heard.topic)

    def of_files(self, home: Home) -> None:
        """Keep what is in every file but the token cache, and that its name says."""
        for path in home.directory.rglob("*"):
            self.note("a file's name", str(path))
            if path.is_file() and _TOKEN_CACHE not in path.name:
                with suppress(FileNotFoundError):  # the program may be at work
                    self.note(str(path), path.read_bytes())

    @property
    def size(self) -> int:
        """Bytes kept so far."""
        return sum(len(text) for _, text in self._texts)

    def leaks(self) -> set[str]:
        """Which secret was found where, in whatever form it can be written."""
        return {
            f"{name} in {where}"
            for name, secret in self._secrets.items()
            for form in _forms(secret)
            for where, text in self._texts
            if form in text
        }


def _forms(secret: str) -> Iterable[bytes]:
    raw = secret.encode()
    texts = {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
    }
    return {
        *(text.encode() for text in texts),
        base64.b64encode(raw).rstrip(b"="),
        raw.hex().encode(),
    }
