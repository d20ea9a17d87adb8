"""Makes the bundle for networks without the Internet, by the repository's own script."""

import re
import subprocess
import tarfile
from pathlib import Path

from busylight import __version__

_ROOT = Path(__file__).resolve().parents[2]


def bundle(machine: str, python: str) -> Path:
    """Make one; where it is."""
    done = subprocess.run(
        [_ROOT / "scripts" / "bundle", machine, python], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = _ROOT / done.stdout.strip()
    version = re.escape(__version__) + r"(\+g[0-9a-f]{12}(\.dirty)?)?"
    assert re.fullmatch(rf"busylight-{version}-{machine}-python{python}\.tar\.gz", made.name)
    return made


def unpack(archive: Path, directory: Path) -> str:
    """Unpack it there; the name of what it unpacks to."""
    with tarfile.open(archive) as bundled:
        bundled.extractall(directory, filter="tar")
        return bundled.getnames()[0]
