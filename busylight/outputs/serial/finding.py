"""Which port is our light's."""

from collections.abc import Sequence
from dataclasses import replace

from busylight.outputs.serial.confirmed import find_again, recall
from busylight.outputs.serial.identity import Device
from busylight.outputs.serial.line import PortError
from busylight.outputs.serial.ports import Port, list_ports, named
from busylight.outputs.serial.settings import AUTO, SerialSettings


def port_of(settings: SerialSettings) -> str:
    """The port that is set, that was confirmed, or that says that it is our light.

    No port is opened to find out: what else is plugged in is not disturbed. Raises `OutputError`.
    """
    if settings.port != AUTO:
        return settings.port
    return find(list_ports(), None if settings.state_dir is None else recall(settings.state_dir))


def find(ports: Sequence[Port], confirmed: Device | None = None) -> str:
    """The one that was `confirmed`, or else the one port whose USB names are ours.

    Raises `OutputError`.
    """
    again = _again(ports, confirmed)
    if again is not None:
        by_id = {port.path: port.by_id for port in ports}
        return by_id.get(again) or again
    ours = [port for port in ports if port.is_ours]
    if len(ours) == 1:
        return ours[0].by_id or ours[0].path
    if ours:
        raise PortError(
            f"{len(ours)} lights are plugged in ({', '.join(port.path for port in ours)}): choose "
            f"one, as {ours[0].setting}"
        )
    raise PortError(
        "no USB port says by its name that it is our light: plug it in, or, as boards behind a "
        "bridge chip cannot say so, name it once: `busylight devices --ours PORT`; "
        f"{named(ports)} (`busylight devices` says more)"
    )


def marked(ports: Sequence[Port], confirmed: Device | None) -> list[Port]:
    """The same ports, the one that was `confirmed` marked as such."""
    again = _again(ports, confirmed)
    return [replace(port, is_confirmed=port.path == again) for port in ports]


def _again(ports: Sequence[Port], confirmed: Device | None) -> str | None:
    if confirmed is None:
        return None
    return find_again(confirmed, [Device(port.path, port.identity) for port in ports])
