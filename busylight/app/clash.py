"""Another distribution installs a package of our name; whichever came last has won."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

OTHER: Final = "busylight-for-humans"


def clash() -> tuple[str, str] | None:
    """The problem and its remedy, if that other distribution is installed beside ours."""
    try:
        found = version(OTHER)
    except PackageNotFoundError:
        return None
    problem = (
        f"{OTHER} {found} is installed in the same environment, and both bring a package "
        "called busylight"
    )
    remedy = (
        f"give each a virtual environment of its own: pip uninstall {OTHER}, then pip install "
        "--force-reinstall busylight-presence"
    )
    return problem, remedy
