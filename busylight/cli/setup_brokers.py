"""MQTT brokers that can be found: by the usual names, and by mDNS where `zeroconf` is installed."""

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

NAMES: Final = ("homeassistant.local", "core-mosquitto", "localhost")
"""Home Assistant's machine, its add-on's name inside of it, and this machine."""
PORT: Final = 1883
_SERVICES: Final = ("_mqtt._tcp.local.", "_home-assistant._tcp.local.")
_LISTEN: Final = 2.0
"""Seconds that mDNS gets."""
_CONNECT: Final = 1.5
"""Seconds that a connection gets."""
_PATIENCE: Final = 4.0
"""Seconds for all of it: a name service may take longer than a connection."""


def find_brokers() -> list[str]:
    """Each `host`, or `host:port` where it is not 1883, on which somebody listens."""
    candidates = [*((name, PORT) for name in NAMES), *_announced()]
    pool = ThreadPoolExecutor(len(candidates))
    deadline = time.monotonic() + _PATIENCE
    tries = {each: pool.submit(_listens, *each) for each in dict.fromkeys(candidates)}
    found = []
    for (host, port), attempt in tries.items():
        with contextlib.suppress(TimeoutError):
            if attempt.result(max(deadline - time.monotonic(), 0)):
                found.append(host if port == PORT else f"{host}:{port}")
    pool.shutdown(wait=False, cancel_futures=True)
    return found


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), _CONNECT):
            return True
    except (OSError, UnicodeError):
        return False


def _announced() -> list[tuple[str, int]]:
    """What is announced by mDNS: brokers, and Home Assistants (whose add-on listens on 1883)."""
    try:
        from zeroconf import ServiceBrowser, Zeroconf  # noqa: PLC0415 -- an extra, `mdns`
    except ImportError:
        return []
    found: dict[tuple[str, int], None] = {}
    try:
        zeroconf = Zeroconf()
    except OSError:  # no network that could be asked
        return []
    names: list[tuple[str, str]] = []

    def heard(*, service_type: str, name: str, **_more: object) -> None:
        names.append((service_type, name))

    with contextlib.closing(zeroconf):
        browser = ServiceBrowser(zeroconf, list(_SERVICES), handlers=[heard])
        time.sleep(_LISTEN)
        browser.cancel()
        for kind, name in dict.fromkeys(names):
            info = zeroconf.get_service_info(kind, name, timeout=1000)
            if info is None or not info.server:
                continue
            port = info.port if kind == _SERVICES[0] and info.port else PORT
            addresses = info.parsed_addresses()
            if addresses:
                found[addresses[0], port] = None
    return list(found)
