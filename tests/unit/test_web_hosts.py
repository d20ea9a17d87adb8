"""The names by which the page may be opened."""

import pytest

from busylight.web.hosts import Hosts, is_same_origin

HOSTS = Hosts(["busylight.example.com"], machine="Pi.lan")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8765",
        "192.168.1.7",
        "[::1]:8765",
        "[fe80::1]",
        "localhost",
        "LOCALHOST:8765",
        "pi.lan",
        "pi",
        "pi.local:8765",
        "pi.local.",
        "busylight.example.com:443",
    ],
)
def test_addresses_and_names_of_this_machine_are_ours(host: str) -> None:
    assert HOSTS.knows(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "pi.local.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8765",
        "localhost@evil.example",
        "localhost:8765:1",
        "local host",
        "[::1",
        "::1",
        "busylight.example.com/",
        "2130706433x",
    ],
)
def test_every_other_name_is_not(host: str) -> None:
    assert not HOSTS.knows(host)


def test_a_page_is_of_the_same_origin_if_it_names_the_very_host() -> None:
    assert is_same_origin("http://pi.local:8765", "pi.local:8765")
    assert is_same_origin("https://busylight.example.com", "busylight.example.com")
    for origin in ("null", "", "http://pi.local", "http://evil.example", "file://", "x"):
        assert not is_same_origin(origin, "pi.local:8765")
