"""A machine on which Busylight is installed, and the virtual lights that are plugged into it."""

from typing import Final

from busylight.demo.lookalike import Lookalike
from tests.support.machine import Machine

BUSYLIGHT: Final = "/opt/busylight/bin/busylight"
STATUS: Final = f"{BUSYLIGHT} service status"
GREEN: Final = "the light shows: available"


def addresses(lookalike: Lookalike) -> dict[str, str]:
    """What a person at Microsoft's real addresses does not set."""
    return {
        "GRAPH_AUTHORITY_URL": lookalike.authority_url,
        "GRAPH_BASE_URL": lookalike.base_url,
        "GRAPH_CA_FILE": "/etc/ssl/lookalike.pem",
        "INTERVAL": "1",
    }


def env_file(lookalike: Lookalike, light: str = "light", **more: str) -> str:
    """Settings for the light of that name."""
    settings = {
        "GRAPH_CLIENT_ID": lookalike.client_id,
        "OUTPUTS": "serial",
        "SERIAL_PORT": port_of(light),
        **addresses(lookalike),
        **more,
    }
    return "".join(f"BUSYLIGHT_{name}={value}\n" for name, value in settings.items())


def port_of(light: str = "light") -> str:
    """Where a virtual light's port stands."""
    return f"/run/{light}/port"


def plug_in(machine: Machine, light: str = "light") -> None:
    """Start a virtual light, whose port anybody may open, as a real one's group may."""
    port = port_of(light)
    machine.run(
        f"systemctl reset-failed {light} 2>/dev/null; install -d -m 777 /run/{light}; systemd-run "
        f"--quiet --unit={light} --property=StandardOutput=file:/run/{light}/painted "
        f"{BUSYLIGHT} firmware simulate --link {port}",
        check=True,
    )
    machine.says(f"chmod 666 $(readlink -f {port}) && echo there", "there")


def painted(machine: Machine, light: str = "light") -> bool:
    """Whether the light itself is green."""
    last = machine.run(f"tail -n 1 /run/{light}/painted").stdout
    return "#00ff00" in last or "available" in last.lower()
