"""Images without a Docker daemon: buildah builds them, runc runs what they say.

Needs root, and from Debian buildah and runc.
"""

import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

BASE_PYTHON: Final = "3.13"
_RELEASE: Final = "trixie"
_MIRROR: Final = "http://deb.debian.org/debian"
# As in Docker's own image of Python: a Debian with Python as `python`. binutils spares the build
# stage an installation; what the base holds is not counted as ours.
_PACKAGES: Final = "binutils,ca-certificates,python-is-python3,python3,python3-venv"
PATIENCE: Final = 240.0
"""Seconds; an emulated program takes some thirty times as long as one of this machine's."""
_CAPABILITIES: Final = ("bounding", "effective", "inheritable", "permitted", "ambient")
# What Docker gives to root in a container where nothing else is said, and we may need.
DOCKERS_CAPABILITIES: Final = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
)  # fmt: skip


@dataclass(frozen=True)
class Architecture:
    """What an image may be made for."""

    name: str
    """As Docker and Debian say it."""
    machine: str
    """As `uname -m` and the names of wheels say it."""
    elf: int
    """The number of the machine in the head of each of its programs."""

    @property
    def base(self) -> str:
        """The base image's tag."""
        return f"localhost/python:{self.name}"

    @property
    def is_emulated(self) -> bool:
        """Whether this machine runs its programs through an emulator only."""
        return self.machine != platform.machine()

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms of wheels that the base can run, as pip names them."""
        return tuple(f"{name}_{self.machine}" for name in _GLIBCS)


_GLIBCS: Final = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
ARCHITECTURES: Final = {
    each.name: each
    for each in (Architecture("amd64", "x86_64", 62), Architecture("arm64", "aarch64", 183))
}


class Builder:
    """Builds images into a store of its own."""

    def __init__(self, store: Path) -> None:
        self._buildah = [
            "buildah",
            "--root",
            str(store / "images"),
            "--runroot",
            str(store / "run"),
        ]

    def __call__(self, *words: str | Path) -> str:
        """What buildah says to these words; it must do well."""
        done = subprocess.run(
            [*self._buildah, *words], capture_output=True, text=True, check=False, timeout=1800
        )
        assert done.returncode == 0, f"buildah {words[0]}:\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def base(self, architecture: Architecture, cache: Path) -> str:
        """A Debian with Python as an image, which is made once."""
        tag = architecture.base
        if tag not in self("images", "--format", "{{.Name}}:{{.Tag}}").split():
            root = cache / f"{_RELEASE}-{architecture.name}"
            if not (root / "usr/bin/strip").exists():
                shutil.rmtree(root, ignore_errors=True)
                subprocess.run(
                    ["debootstrap", f"--arch={architecture.name}", "--variant=minbase",
                     f"--include={_PACKAGES}", _RELEASE, root, _MIRROR],
                    check=True, stdout=subprocess.DEVNULL,
                )  # fmt: skip
            container = self("from", "scratch")
            self("add", "--quiet", container, root, "/")
            self("config", f"--arch={architecture.name}", container)
            self("commit", "--quiet", container, tag)
            self("rm", container)
        return tag

    def build(
        self, context: Path, tag: str, architecture: Architecture, *words: str | Path
    ) -> None:
        """Build the Dockerfile there, as Docker would, with nothing pulled.

        The format is Docker's: the other one has no health checks.
        """
        self(
            "build", "--isolation=chroot", "--format=docker", "--pull-never", "--no-cache",
            f"--arch={architecture.name}", *words, "--tag", tag, context,
        )  # fmt: skip

    def config(self, tag: str) -> dict[str, Any]:
        """What the image says of itself: Env, Entrypoint, Healthcheck, and so on."""
        told = json.loads(self("inspect", "--type=image", tag))
        config: dict[str, Any] = told["Docker"]["config"]
        return config

    def architecture(self, tag: str) -> str:
        """What it says that it is for."""
        told = json.loads(self("inspect", "--type=image", tag))
        return str(told["Docker"]["architecture"])

    def size(self, tag: str) -> int:
        """Bytes of all its layers, as `docker image ls` counts them."""
        told = json.loads(self("inspect", "--type=image", tag))
        return sum(layer["size"] for layer in json.loads(told["Manifest"])["layers"])

    @contextmanager
    def mounted(self, tag: str) -> Iterator[Path]:
        """Its files."""
        container = self("from", "--pull-never", f"--arch={self.architecture(tag)}", tag)
        try:
            yield Path(self("mount", container))
        finally:
            self("rm", container)


def pinned_wheels(lists: Sequence[Path], directory: Path, architecture: Architecture) -> Path:
    """Fetch what the lists pin by hash for the image's Python, as files for pip to find."""
    directory.mkdir(parents=True, exist_ok=True)
    for pins in lists:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download",
             "--require-hashes", "--only-binary=:all:", "--no-deps",
             f"--python-version={BASE_PYTHON}",
             *(f"--platform={name}" for name in architecture.platforms),
             "--dest", directory, "--requirement", pins],
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{pins.name}:\n{done.stderr}"
    return directory


@dataclass
class Run:
    """How an image is run: what stands on `docker run`'s command line."""

    words: Sequence[str] = ()
    """In place of the image's command."""
    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, Path] = field(default_factory=dict)
    """By their place in the container."""
    read_only: bool = True
    groups: Sequence[int] = ()
    capabilities: Sequence[str] = ()
    device_rules: Sequence[str] = ()
    """As in Docker's --device-cgroup-rule."""
    dev: Path | None = None
    """What /dev is, as with `--volume /dev:/dev`."""
    network: bool = True
    """This machine's; else none at all."""


class Running:
    """A container that runs; a context manager that kills what is left.

    It is in this machine's network, and in a process tree, file system and device group of its own.
    """

    def __init__(self, root: Path, image: Mapping[str, Any], run: Run, scratch: Path) -> None:
        self._name = f"busylight-{scratch.name}"
        self._runc = ["runc", "--root", str(scratch / "runc")]
        self._image = image
        self._user, self._group = _numbers(str(image.get("User", "")))
        self._log = scratch / "log"
        bundle = scratch / "bundle"
        bundle.mkdir(parents=True)
        (bundle / "config.json").write_text(json.dumps(self._specification(root, run)))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._runc, "run", "--bundle", bundle, self._name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        self.until(
            lambda: self._state().get("status") == "running" or self._process.poll() is not None
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.signal("KILL")
            self._process.wait(PATIENCE)
        subprocess.run([*self._runc, "delete", "--force", self._name], capture_output=True)  # noqa: PLW1510 -- it may be gone

    @property
    def log(self) -> str:
        """All that it has written."""
        return self._log.read_text("utf-8", "replace")

    def exec(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in it, as its user, as `docker exec` does."""
        return subprocess.run(
            [*self._runc, "exec", self._name, *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def health(self) -> int:
        """The exit code of the image's own health check."""
        kind, *words = self._image["Healthcheck"]["Test"]
        assert kind == "CMD"
        return self.exec(*words).returncode

    def signal(self, name: str) -> None:
        """Send a signal to its first process."""
        subprocess.run([*self._runc, "kill", self._name, name], check=True, capture_output=True)

    def stops(self) -> tuple[int, float]:
        """As `docker stop` does it: exit code and seconds."""
        began = time.monotonic()
        self.signal(self._image.get("StopSignal", "SIGTERM"))
        return self._process.wait(PATIENCE), time.monotonic() - began

    def ends(self, seconds: float = PATIENCE) -> int:
        """Wait until it ends by itself; its exit code."""
        return self._process.wait(seconds)

    def until(self, condition: Any, seconds: float = PATIENCE) -> None:
        """Wait until it holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"it does not happen:\n{self.log}"
            time.sleep(0.1)

    def _state(self) -> dict[str, Any]:
        done = subprocess.run(
            [*self._runc, "state", self._name], capture_output=True, text=True, check=False
        )
        state: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return state

    def _specification(self, root: Path, run: Run) -> dict[str, Any]:
        """The same container in the words of the OCI's runtime specification."""
        environment = {
            **dict(each.split("=", 1) for each in self._image.get("Env") or ()),
            **run.environment,
        }
        words = list(run.words or self._image.get("Cmd") or [])
        namespaces = ["pid", "mount", "ipc", "uts", *([] if run.network else ["network"])]
        return {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": self._user, "gid": self._group, "additionalGids": [*run.groups]},
                "args": [*(self._image.get("Entrypoint") or []), *words],
                "env": [f"{name}={value}" for name, value in environment.items()],
                "cwd": self._image.get("WorkingDir") or "/",
                "noNewPrivileges": True,
                "capabilities": {name: [*run.capabilities] for name in _CAPABILITIES},
            },
            "root": {"path": str(root), "readonly": run.read_only},
            "mounts": [
                _mount("/proc", "proc"),
                *_devices(run.dev),
                _mount("/sys", "sysfs", "nosuid", "noexec", "nodev", "ro"),
                *(_bind(place, source, "rw") for place, source in run.volumes.items()),
            ],
            "linux": {
                "namespaces": [{"type": name} for name in namespaces],
                "resources": {
                    "devices": [
                        {"allow": False, "access": "rwm"},
                        *(_device_rule(rule) for rule in run.device_rules),
                    ]
                },
            },
        }


def _numbers(user: str) -> tuple[int, int]:
    """`10001:10001`, or nothing: root."""
    own, _, group = ("0:0" if user in ("", "root", "0") else user).partition(":")
    return int(own), int(group)


def _mount(place: str, kind: str, *options: str) -> dict[str, Any]:
    return {"destination": place, "type": kind, "source": kind, "options": [*options]}


def _bind(place: str, source: Path, access: str) -> dict[str, Any]:
    return {
        "destination": place,
        "type": "bind",
        "source": str(source),
        "options": ["rbind", access],
    }


def _devices(dev: Path | None) -> list[dict[str, Any]]:
    if dev is not None:
        return [_bind("/dev", dev, "ro")]
    return [
        _mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666"),
    ]


def _device_rule(rule: str) -> dict[str, Any]:
    """`c 166:* rmw`."""
    kind, numbers, access = rule.split()
    major, minor = numbers.split(":")
    numbered = {"major": int(major), **({} if minor == "*" else {"minor": int(minor)})}
    return {"allow": True, "type": kind, "access": access, **numbered}
