"""Count the bytes of some distributions and of what they need: size.py NAME..."""

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path


def closure(names: list[str]) -> dict[str, int]:
    """The bytes of each distribution that is needed, compiled files too."""
    found: dict[str, int] = {}
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        try:
            each = distribution(name)
        except PackageNotFoundError:
            continue  # of another Python or system
        if name not in found:
            found[name] = size_of(each)
            needs = (need for need in each.requires or [] if "extra ==" not in need)
            waiting += [re.split(r"[^A-Za-z0-9._-]", need)[0] for need in needs]
    return found


def size_of(each: Distribution) -> int:
    """Bytes of all its files."""
    paths = (Path(file.locate()) for file in each.files or [])
    return sum(path.stat().st_size for path in paths if path.exists())


found = closure(sys.argv[1:])
print(json.dumps({"bytes": sum(found.values()), "packages": found}))
