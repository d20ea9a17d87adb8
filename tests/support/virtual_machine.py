"""A whole machine with a kernel of Debian's, in QEMU: with a USB port, and a real power switch.

Needs root, debootstrap, mkfs.ext4 and QEMU. The processor is emulated, too, and so it is slow:
there are machines whose /dev/kvm cannot run a kernel of Debian's.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pexpect

from tests.support.container import debian

RELEASE: Final = "trixie"
HOST: Final = "10.0.2.2"
"""This machine, as the other one sees it."""
_PACKAGES: Final = "linux-image-amd64 initramfs-tools zstd"
_NETWORK: Final = "[Match]\nName=e*\n[Network]\nDHCP=yes\n"
_CONSOLE: Final = """\
[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --noclear %I dumb
"""
_PROMPT: Final = "ready> "
_PATIENCE: Final = 900.0


def machine_root(cache: Path) -> Path:
    """The root directory of a Debian that boots by itself: kernel, network, a console for root."""
    root = cache / f"{RELEASE}-machine"
    if (root / "made").exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["cp", "-a", debian(RELEASE, cache), root], check=True)
    install = (
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq "
        f"--no-install-recommends {_PACKAGES} && systemctl enable systemd-networkd && apt-get clean"
    )
    done = subprocess.run(
        ["chroot", root, "sh", "-c", install], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (root / "etc/systemd/network/lan.network").write_text(_NETWORK)
    console = root / "etc/systemd/system/serial-getty@ttyS0.service.d"
    console.mkdir(parents=True)
    (console / "root.conf").write_text(_CONSOLE)
    (root / "root/.profile").write_text(f"stty -echo cols 1000; PS1='{_PROMPT}'\n")
    with (root / "etc/hosts").open("w") as hosts:  # whose certificates are for localhost
        hosts.write(f"{HOST} localhost\n")
    (root / "made").touch()
    return root


class VirtualMachine:
    """One on a disk that is made of a root directory. A context manager."""

    def __init__(self, root: Path, directory: Path, chardev: Path) -> None:
        """`chardev`: the terminal at this machine's end of the USB device."""
        self._image = directory / "disk.ext4"
        self._qmp_path = directory / "qmp"
        self._chardev = chardev
        (kernel,) = root.glob("boot/vmlinuz-*")
        (initrd,) = root.glob("boot/initrd.img-*")
        self._kernel, self._initrd = directory / "vmlinuz", directory / "initrd"
        shutil.copyfile(kernel, self._kernel)
        shutil.copyfile(initrd, self._initrd)
        subprocess.run(["truncate", "-s", "3G", self._image], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-d", root, self._image], check=True)
        self._console: pexpect.spawn[str] | None = None

    def __enter__(self) -> Self:
        self.boot()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cut_power()

    def boot(self, *, plugged: bool = False) -> None:
        """Switch it on, and wait for root's prompt; `plugged`: with the light in its port."""
        light = ["-device", self._light] if plugged else []
        words = [
            *(
                "-accel",
                "tcg",
                "-cpu",
                "max",
                "-m",
                "512",
                "-display",
                "none",
                "-no-reboot",
            ),
            *("-kernel", str(self._kernel), "-initrd", str(self._initrd)),
            *("-append", "root=/dev/vda rw console=ttyS0 quiet loglevel=1 systemd.show_status=no"),
            *("-drive", f"file={self._image},if=virtio,format=raw,cache=none"),
            *("-nic", "user,model=virtio-net-pci", "-serial", "stdio", "-monitor", "none"),
            *("-qmp", f"unix:{self._qmp_path},server=on,wait=off"),
            *("-chardev", f"serial,id=light,path={self._chardev}", "-device", "qemu-xhci,id=usb"),
            *light,
        ]
        self._console = pexpect.spawn(
            "qemu-system-x86_64", words, encoding="utf-8", timeout=_PATIENCE, echo=False
        )
        self._console.expect(_PROMPT)
        self.says("systemctl is-system-running", "running|degraded")

    def cut_power(self) -> None:
        """Switch it off at once."""
        if self._console is not None:
            os.kill(self._console.pid, signal.SIGKILL)
            self._console.close(force=True)
            self._console = None

    def plug_in(self) -> None:
        """Put the light into the USB port."""
        driver, _, arguments = self._light.partition(",")
        self._qmp("device_add", driver=driver, **dict(a.split("=") for a in arguments.split(",")))

    def pull_out(self) -> None:
        """Pull it out."""
        self._qmp("device_del", id="light0")

    @property
    def _light(self) -> str:
        return "usb-serial,chardev=light,id=light0,serial=4711"

    def run(self, command: str) -> tuple[int, str]:
        """Run a line as root: its exit code, and what it says."""
        assert self._console is not None
        self._console.sendline(f'{{ {command}; }} 2>&1; echo "[$?]"')
        self._console.expect(r"(?s)(.*?)\[(\d+)\]\r\n" + re.escape(_PROMPT))
        assert self._console.match is not None
        return int(self._console.match[2]), self._console.match[1].replace("\r\n", "\n")

    def must(self, command: str) -> str:
        """The same; it must do well."""
        code, text = self.run(command)
        assert code == 0, f"{command}: {text}"
        return text

    def says(self, command: str, pattern: str, seconds: float = _PATIENCE) -> float:
        """Run it again and again until it says so; the seconds that it took."""
        began = time.monotonic()
        while True:
            _, text = self.run(command)
            if re.search(pattern, text):
                return time.monotonic() - began
            assert time.monotonic() - began < seconds, (
                f"{command} does not say {pattern}:\n{text}\n"
                f"{self.run('journalctl -u busylight -n 30 --no-pager')[1]}"
            )
            time.sleep(0.3)

    def _qmp(self, command: str, **arguments: Any) -> None:
        """Tell QEMU something."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._qmp_path))
            lines = connection.makefile("rw")
            lines.readline()  # its greeting
            for word, more in (("qmp_capabilities", {}), (command, arguments)):
                lines.write(json.dumps({"execute": word, "arguments": more}) + "\n")
                lines.flush()
                while "return" not in (answer := json.loads(lines.readline())):
                    assert "error" not in answer, answer
