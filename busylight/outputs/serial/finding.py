"""Which port is our light's."""

from collections.abc import Sequence

from busylight.outputs.serial.line import PortError
from busylight.outputs.serial.ports import Port, list_ports, named
from busylight.outputs.serial.settings import AUTO, SerialSettings


def port_of(settings: SerialSettings) -> str:
    """The port that is set, or the one that says that it is our light; raises `OutputError`.

    No port is opened to find out: what else is plugged in is not disturbed.
    """
    return settings.port if settings.port != AUTO else find(list_ports())


def find(ports: Sequence[Port]) -> str:
    """The one port whose USB names are ours; raises `OutputError`."""
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
        "bridge chip cannot say so, set BUSYLIGHT_SERIAL_PORT to its port; "
        f"{named(ports)} (`busylight devices` says more)"
    )
