"""The files that the page needs: read once, and served from memory by their names alone."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Static:
    """One file."""

    content: bytes
    media_type: str
    digest: str
    """Stands in its address: another content is another address."""


class Statics:
    """All of them; no path from a request ever reaches the file system."""

    def __init__(self) -> None:
        self._files = {
            each.name: _static(each.name, each.read_bytes())
            for each in files("busylight.web").joinpath("static").iterdir()
            if each.name.rpartition(".")[2] in _TYPES
        }

    def get(self, name: str) -> Static | None:
        """The file of that name."""
        return self._files.get(name)

    def url(self, name: str) -> str:
        """Its address. Raises KeyError if there is none of that name."""
        return f"/static/{name}?{self._files[name].digest}"


def _static(name: str, content: bytes) -> Static:
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Static(content, _TYPES[name.rpartition(".")[2]], digest)
