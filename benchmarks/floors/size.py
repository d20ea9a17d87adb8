"""Count the bytes of what is installed: of Busylight with its needs, and of the five packages."""

import json
import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution

FIVE = ["httpx", "msal", "paho-mqtt", "pydantic-settings", "pyserial"]


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
    paths = (file.locate() for file in each.files or [])
    return sum(path.stat().st_size for path in paths if path.exists())


product, floor = closure(["busylight-presence"]), closure(FIVE)
print(
    json.dumps(
        {"product": sum(product.values()), "floor": sum(floor.values()), "packages": product}
    )
)
