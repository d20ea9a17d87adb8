"""The files that make Busylight a service of systemd. Text only: nothing is touched here.

deploy/systemd/ has the same files for people who would rather put them there by hand.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from busylight.service.unit import unit

USER: Final = "busylight"
SETTINGS_DIR: Final = Path("/etc/busylight")
STATE_ROOT: Final = Path("/var/lib/busylight")
PROGRAM: Final = Path("/opt/busylight/bin/busylight")
"""Where the files in deploy/ take the program to be."""

SYSUSERS: Final = f"""\
# Who the service runs as: it may use serial ports, USB lights and pins, and nothing else.
u {USER} - "Busylight" {STATE_ROOT}
m {USER} dialout
m {USER} plugdev
m {USER} gpio
"""

MODULES: Final = """\
# Drivers of serial ports on USB. systemd resolves DeviceAllow= when the unit starts: a kind of port
# whose driver is not loaded by then would stay forbidden to a light that is plugged in later.
cdc_acm
ch341
cp210x
ftdi_sio
"""

UDEV: Final = f"""\
# Lights on serial ports. ModemManager leaves them alone, and the service may use them.
# (Not by ID_USB_DRIVER: that is set by 60-serial.rules, which comes after this file.)
SUBSYSTEM=="tty", DRIVERS=="cdc_acm|ch341|cp210x|ftdi_sio", GROUP="dialout", \\
  MODE="0660"
SUBSYSTEM=="tty", ATTRS{{manufacturer}}=="Busylight", ENV{{ID_MM_DEVICE_IGNORE}}="1", \\
  TAG+="{USER}"
"""


def unit_name(name: str | None) -> str:
    """What systemd calls the service of the light `name`, or of the only one."""
    return "busylight.service" if name is None else f"busylight@{name}.service"


def settings_file(name: str | None) -> Path:
    """Where that light's settings stand."""
    return SETTINGS_DIR / f"{name or 'busylight'}.env"


def files(program: Path) -> Mapping[Path, str]:
    """Every file, by the place where it belongs."""
    return {
        Path("/etc/systemd/system/busylight.service"): unit(program, settings_file(None)),
        Path("/etc/systemd/system/busylight@.service"): unit(program, settings_file("%i")),
        Path("/etc/sysusers.d/busylight.conf"): SYSUSERS,
        Path("/etc/modules-load.d/busylight.conf"): MODULES,
        Path("/etc/udev/rules.d/60-busylight.rules"): UDEV,
    }


def shipped() -> Mapping[str, str]:
    """The same, as they stand in the repository, by their paths there."""
    return {f"deploy/systemd/{_shipped_name(path)}": text for path, text in files(PROGRAM).items()}


def _shipped_name(path: Path) -> str:
    """`busylight.conf` is the name of two of them."""
    kinds = {"sysusers.d": "sysusers.conf", "modules-load.d": "modules-load.conf"}
    kind = kinds.get(path.parent.name)
    return f"busylight-{kind}" if kind else path.name
