"""The image, built once: by the repository's own Dockerfile, from files that lie here already."""

import contextlib
import os
import platform
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.image import (
    ARCHITECTURES,
    Architecture,
    Builder,
    Run,
    Running,
    pinned_wheels,
)

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("DEBIAN_ROOTS", ROOT / ".debian-roots")) / "image"
ASKED = os.environ.get("IMAGE_ARCHITECTURES", "").split() or [
    each.name for each in ARCHITECTURES.values() if each.machine == platform.machine()
]
"""For which the image is made; this machine's own, if nothing else is said."""
COMMIT = "0123456789abcdef0123456789abcdef01234567"
USER = 10001
"""Who the program is in the image."""
PINS = [ROOT / "deploy/docker/requirements.txt", ROOT / "deploy/docker/build-requirements.txt"]
FOLLOWER = {
    "BUSYLIGHT_SOURCE": "mqtt",
    "BUSYLIGHT_MQTT_HOST": "127.0.0.1",
    "BUSYLIGHT_MQTT_SOURCE_TOPIC": "presence",
}
"""Settings that need neither an account nor a broker that is there."""

Start = Callable[[Run], Running]


@pytest.fixture(scope="session", params=ASKED)
def architecture(request: pytest.FixtureRequest) -> Architecture:
    assert request.param in ARCHITECTURES, f"there is no image for {request.param}"
    return ARCHITECTURES[request.param]


@pytest.fixture(scope="session")
def builder() -> Iterator[Builder]:
    """With base images, and nothing else, in its store."""
    builder = Builder(CACHE)
    yield builder
    builder("rm", "--all")
    builder("rmi", "--prune", "--force")


@pytest.fixture(scope="session")
def base(builder: Builder, architecture: Architecture) -> str:
    """The tag of what the image is built on."""
    return builder.base(architecture, CACHE)


@pytest.fixture(scope="session")
def image(
    builder: Builder,
    base: str,
    architecture: Architecture,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """The image's tag."""
    tag = f"localhost/busylight:{architecture.name}"
    wheels = pinned_wheels(PINS, tmp_path_factory.mktemp("pinned"), architecture)
    settings = tmp_path_factory.mktemp("pip") / "pip.conf"
    settings.write_text("[global]\nno-index = true\nfind-links = /pinned\n")
    context = tmp_path_factory.mktemp("context")
    # What Docker is let see; the tests' own files would only be copied in vain.
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("Dockerfile", ".dockerignore", *allowed):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, context / name, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, context / name)
    builder.build(
        context, tag, architecture, f"--build-arg=BASE={base}",
        f"--build-arg=SOURCE_COMMIT={COMMIT}",
        f"--volume={wheels}:/pinned:ro", f"--volume={settings}:/etc/pip.conf:ro",
    )  # fmt: skip
    return tag


@pytest.fixture(scope="session")
def root(builder: Builder, image: str) -> Iterator[Path]:
    """The image's files."""
    with builder.mounted(image) as root:
        yield root


@pytest.fixture
def config(builder: Builder, image: str) -> dict[str, Any]:
    return builder.config(image)


@pytest.fixture
def start(root: Path, config: dict[str, Any], tmp_path: Path) -> Iterator[Start]:
    """Run the image, and see to its end."""
    yield from starting(root, config, tmp_path)


def starting(root: Path, config: dict[str, Any], scratch: Path) -> Iterator[Start]:
    """A fixture's body: whatever is started ends with it."""
    with contextlib.ExitStack() as running:

        def start(run: Run) -> Running:
            place = scratch / f"run-{uuid.uuid4().hex[:8]}"
            return running.enter_context(Running(root, config, run, place))

        yield start


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A new volume: Docker gives it the owner and the mode of the place in the image."""
    volume = tmp_path / "volume"
    volume.mkdir(mode=0o700)
    os.chown(volume, USER, USER)
    return volume
