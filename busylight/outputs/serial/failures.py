"""What went wrong with a port, in words that say what to do about it."""

import errno
import termios
from typing import Final

from busylight.outputs.serial import access
from busylight.outputs.serial.ports import list_ports, named

FAILURES: Final = (OSError, termios.error, ValueError, OverflowError)
"""All that pyserial lets out. `termios.error` is no OSError; a baud rate may be a ValueError."""

_HELD: Final = (errno.EAGAIN, errno.EBUSY)  # a lock of ours, and one of the kernel's
_DEAD: Final = (errno.ENODEV, errno.ENXIO, errno.EIO)
_NO_PORT: Final = (errno.ENOTTY, errno.EISDIR)


def number_of(error: BaseException | None) -> int | None:
    """The errno of an error, or of what it came from: pyserial does not always hand it on."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno
        if isinstance(error, termios.error) and error.args:
            number = error.args[0]
            return number if isinstance(number, int) else None
        error = error.__cause__ or error.__context__
    return None


def cannot_open(error: BaseException, path: str, baud: int) -> str:
    """Why `path` could not be opened, and what helps. Looks at the file and at what is there."""
    number = number_of(error)
    if number == errno.ENOENT:
        return (
            f"{path} is not there: plug the light in, or set BUSYLIGHT_SERIAL_PORT to another "
            f"port; {named(list_ports())} (`busylight devices` says more)"
        )
    if number == errno.EACCES:
        return f"permission denied: {access.problem(path) or path}"
    if number == errno.EPERM:
        return (
            f"the system forbids {path} to this process (EPERM), as to a sandboxed service whose "
            "driver was not loaded when it began: put cdc_acm (or the adapter's driver) into "
            "/etc/modules-load.d/, name it in DeviceAllow=, and restart the service; "
            "in a container, allow its device number"
        )
    if number in _HELD:
        return f"{path} is in use by {_holders(path)}; only one program can have it"
    if number in _DEAD:
        return f"{path} is there, but no device answers behind it: unplug it, plug it in again"
    if number in _NO_PORT:
        return f"{path} is no serial port; `busylight devices` lists what is"
    if isinstance(error, ValueError | OverflowError):
        return f"{path} does not do {baud} baud: set BUSYLIGHT_SERIAL_BAUD to what the light uses"
    return f"{path} cannot be opened: {error}"


def hangs(path: str) -> str:
    """A light that has stopped reading."""
    return (
        f"the light on {path} takes nothing more: it hangs, or waits for something; "
        "unplug it and plug it in again"
    )


def gone(path: str) -> str:
    """A light that was there."""
    return f"the light on {path} was unplugged, or its power failed; it is shown again when back"


def _holders(path: str) -> str:
    holders = access.users_of(path)
    if holders:
        return f"{' and '.join(holders)}: end it"
    return (
        "another program: end it (`sudo fuser -v` with the path names it; it may be ModemManager, "
        "which docs/serial.md tells how to keep off)"
    )
