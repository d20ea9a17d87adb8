"""A Debian with a kernel of its own, in QEMU: there are USB ports, with drivers behind them.

Needs root, debootstrap, systemd-container, and qemu-system-x86. It runs without the rights or the
processor for KVM, but then everything takes ten times as long.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.support.container import debian
from tests.support.machine import Machine
from tests.support.qemu import Conversation, RefusedError, run_in_guest

HOST: Final = "10.0.2.2"
"""This machine's loopback, as the guest sees it."""
_NETWORK: Final = f"""\
[Match]
Type=ether
[Network]
Address=10.0.2.15/24
Gateway={HOST}
"""
_KERNEL: Final = """\
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/initramfs-tools/conf.d
echo MODULES=list >/etc/initramfs-tools/conf.d/small
printf '%s\\n' virtio_pci virtio_blk ext4 >/etc/initramfs-tools/modules
apt-get update -qq
apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold \
    zstd qemu-guest-agent python3-venv linux-image-amd64
"""
"""The kernel of real machines: the one for clouds has no drivers of serial ports on USB."""
_ADAPTER: Final = {"id": "adapter", "chardev": "light", "bus": "xhci.0", "serial": "A50285BI"}
BY_ID: Final = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_A50285BI-if00-port0"
_PATIENCE: Final = 300.0
_LOOKS: Final = 1.0  # seconds between two
_PANICS: Final = 3
"""So many boots in a row that end so are no accident."""
_SAID: Final = 3000  # bytes
_OPTIONS: Final = (
    "root=/dev/vda rw rootflags=noauto_da_alloc console=ttyS0 panic=-1 "
    "module_blacklist=kvm,cfg80211,drm,iTCO_wdt,psmouse,pcspkr"  # a boot without them is shorter
)
_SOFTWARE: Final = ("tcg,thread=single",)
_FASTEST: Final = ("kvm", *_SOFTWARE)
_PROCESSORS: Final = "1"
"""A kernel changes its own code as it runs. Emulated, another processor may trip over that (an
int3 that nobody knows), and the kernel panics."""


def with_kernel(release: str, directory: Path) -> Path:
    """Make the root directory of a Debian that can boot by itself, unless it is there."""
    root = directory / f"{release}-vm"
    if not root.exists():
        unfinished = directory / f"{release}-vm.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run(["cp", "-a", debian(release, directory), unfinished], check=True)
        inside(unfinished, _KERNEL)
        subprocess.run(["chroot", unfinished, "apt-get", "clean"], check=True)
        wanted = unfinished / "etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
        wanted.symlink_to("/usr/lib/systemd/system/systemd-networkd.service")
        (unfinished / "etc/systemd/network/qemu.network").write_text(_NETWORK)
        unfinished.rename(root)
    return root


def inside(root: Path, script: str) -> None:
    """Run a shell's lines as root in that directory, with this machine's network."""
    done = subprocess.run(
        ["systemd-nspawn", "--quiet", "-D", root, "--register=no", "--keep-unit",
         "--console=pipe", "sh", "-euc", script],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout[-_SAID:]}{done.stderr[-_SAID:]}"


class PanicError(AssertionError):
    """The guest's kernel has given up."""


class VirtualMachine(Machine):
    """A context manager. `made`: where its kernel is; `light`: the port behind its adapter."""

    def __init__(self, disk: Path, made: Path, light: Path) -> None:
        """Nothing is booted yet, and the adapter is not plugged in."""
        self._disk = disk
        self._made = made
        self._light = light
        self.panics = 0
        """Boots that have ended in a panic, and were tried again."""
        self._accelerations: tuple[str, ...] = _FASTEST
        self._is_plugged = False
        self._directory = Path(tempfile.mkdtemp(prefix="vm-"))  # a socket's path must be short
        self._qemu: subprocess.Popen[bytes] | None = None
        self._monitor: Conversation | None = None
        self._agent: Conversation | None = None

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
        shutil.rmtree(self._directory)

    @property
    def acceleration(self) -> str:
        """What it runs by."""
        return self._accelerations[0].partition(",")[0]

    def boot(self) -> None:
        """Start it, and wait until its systemd says that it is up."""
        tries = 0
        while True:
            try:
                if self._boots():
                    break
            except PanicError:
                # The emulator's fault, for the same kernel boots elsewhere.
                self.panics, tries = self.panics + 1, tries + 1
                if tries == _PANICS:
                    raise
                self.cut_power()
                continue
            # There may be a KVM that cannot run a kernel, on a machine that is virtual itself.
            self.cut_power()
            self._accelerations = _SOFTWARE
        self.says("systemctl is-system-running --wait", "running", _PATIENCE)

    def _boots(self) -> bool:
        """Start it, and wait for the agent in it; False if KVM is none."""
        self._start()
        monitor = self._monitor = Conversation(self._directory / "monitor", _PATIENCE)
        monitor.ask("qmp_capabilities")
        agent = self._agent = Conversation(self._directory / "agent", _PATIENCE)
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                agent.ask("guest-ping", patience=_LOOKS)
            except TimeoutError:
                if monitor.ask("query-status")["status"] == "internal-error":
                    return False
                assert time.monotonic() < deadline, f"it does not boot: {self._said()}"
            except ConnectionResetError:
                fault = PanicError if "Kernel panic" in self._said() else AssertionError
                raise fault(f"it does not boot: {self._said()}") from None
            else:
                return True

    def _start(self) -> None:
        for name in ("monitor", "agent"):
            (self._directory / name).unlink(missing_ok=True)
        accelerations = [word for each in self._accelerations for word in ("-accel", each)]
        adapter = ",".join(f"{key}={value}" for key, value in _ADAPTER.items())
        plugged = ["-device", f"usb-serial,{adapter}"] if self._is_plugged else []
        with (self._directory / "console").open("wb") as said:
            self._qemu = subprocess.Popen(
                ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot",
                 "-display", "none", "-machine", "q35,sata=off,smbus=off",
                 "-m", "1024", "-smp", _PROCESSORS,
                 *accelerations, "-cpu", "max,la57=off",
                 "-kernel", self._made / "vmlinuz", "-initrd", self._made / "initrd.img",
                 "-append", _OPTIONS,
                 "-serial", "stdio",
                 "-qmp", f"unix:{self._directory}/monitor,server=on,wait=off",
                 "-chardev", f"socket,id=agent,path={self._directory}/agent,server=on,wait=off",
                 "-device", "virtio-serial",
                 "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
                 "-drive", f"file={self._disk},format=raw,if=virtio",
                 "-device", "virtio-rng-pci", "-nic", "user,model=virtio-net-pci",
                 "-chardev", f"serial,id=light,path={os.path.realpath(self._light)}",
                 "-device", "qemu-xhci,id=xhci", *plugged],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    def _said(self) -> str:
        return (self._directory / "console").read_bytes()[-_SAID:].decode(errors="replace")

    def cut_power(self) -> None:
        """End it at once; what its kernel has not written by now never will be."""
        for conversation in (self._monitor, self._agent):
            if conversation is not None:
                conversation.close()
        self._monitor = self._agent = None
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait(_PATIENCE)
            self._qemu = None

    def plug_in(self) -> None:
        """Plug in the adapter with the light behind it."""
        self._tell("device_add", {"driver": "usb-serial", **_ADAPTER})
        self._is_plugged = True

    def unplug(self) -> None:
        """Pull it out."""
        self._tell("device_del", {"id": _ADAPTER["id"]})
        self._is_plugged = False

    def _tell(self, command: str, arguments: dict[str, str]) -> None:
        assert self._monitor is not None
        self._monitor.ask(command, arguments)

    def run(self, command: str, *, check: bool = False) -> "subprocess.CompletedProcess[str]":
        """Run a shell's line as root; `check`: it must do well."""
        assert self._agent is not None
        try:
            done = run_in_guest(self._agent, f"cd /root && {command}", _PATIENCE)
        except (TimeoutError, RefusedError, ConnectionResetError) as error:
            raise AssertionError(f"{command}: {error}\n{self._said()}") from None
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done
