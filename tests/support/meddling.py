"""Faults of the machine itself, inside the program's process: clocks, name service, threads.

A `sitecustomize` module, which Python loads at its start, stands before `time` and `socket` and
looks in a file what is wrong at the moment. What OpenSSL and the kernel see stays true.
"""

import json
from pathlib import Path
from typing import Any, Final

from tests.support.program import Home

_SITECUSTOMIZE: Final = """
import json, os, socket, threading, time
_path = os.environ["MEDDLING"]
_true = time.time, time.clock_gettime, socket.getaddrinfo, threading.Thread.start
_seen = [None, {}]

def _faults():
    try:
        stamp = os.stat(_path).st_mtime_ns
        if stamp != _seen[0]:
            with open(_path, encoding="utf-8") as file:
                _seen[:] = stamp, json.load(file)
    except (OSError, ValueError):
        pass
    return _seen[1]

def _time():
    faults = _faults()
    return _true[0]() + faults.get("stepped", 0.0) + faults.get("suspended", 0.0)

def _clock_gettime(which):
    value = _true[1](which)
    if which == time.CLOCK_BOOTTIME:
        value += _faults().get("suspended", 0.0)
    elif which == time.CLOCK_REALTIME:
        value += _time() - _true[0]()
    return value

def _getaddrinfo(*args, **options):
    state = _faults().get("dns", "well")
    while state == "hanging":
        time.sleep(0.1)
        state = _faults().get("dns", "well")
    if state == "dead":
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return _true[2](*args, **options)

def _start(thread):
    if _faults().get("threads") == "none":
        raise RuntimeError("can't start new thread")
    return _true[3](thread)

time.time, time.clock_gettime, socket.getaddrinfo = _time, _clock_gettime, _getaddrinfo
threading.Thread.start = _start
"""


class Meddling:
    """What is wrong with the machine, as the program in `home` sees it."""

    def __init__(self, home: Home) -> None:
        """All is well at first. To be made before the program is started."""
        directory = home.directory / "meddling"
        directory.mkdir()
        (directory / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        self._file = directory / "faults.json"
        self._faults: dict[str, Any] = {}
        home.more_environment["MEDDLING"] = str(self._file)
        prepend_path(home, directory)

    def set(self, **faults: Any) -> None:
        """From now on: `stepped` and `suspended` in seconds, `dns` `well`, `dead` or `hanging`.

        With `threads` `none` no further thread can be started, as at a limit of the system's.
        """
        self._faults |= faults
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps(self._faults))
        temporary.replace(self._file)


def prepend_path(home: Home, directory: Path) -> None:
    """Let the program find modules there, first."""
    before = home.environment.get("PYTHONPATH")
    home.more_environment["PYTHONPATH"] = f"{directory}:{before}" if before else str(directory)
