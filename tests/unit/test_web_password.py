"""The password of the page: who may try how often."""

import asyncio
import time

import pytest

from busylight.web import password as module
from busylight.web.password import TRIES, Password, network_of


async def test_the_password_is_right_and_everything_else_is_not() -> None:
    password = Password("correct-horse")
    assert (await password.is_right("correct-horse", "10.0.0.1")).is_right
    for word in ("", "correct-hors", "correct-horse ", "CORRECT-HORSE", "\udcff", "x" * 5000):
        assert not (await password.is_right(word, f"10.0.1.{len(word) % 200}")).is_right


async def test_a_hundred_thousand_wrong_words_are_refused_without_comparing_them() -> None:
    password = Password("correct-horse")
    hashed = 0
    real = password._hashed

    def counted(word: str) -> bytes:
        nonlocal hashed
        hashed += 1
        return real(word)

    password._hashed = counted  # type: ignore[method-assign]  # to count
    began = time.process_time()
    for number in range(100_000):
        assert not (await password.is_right(f"wrong{number}", "10.0.0.1")).is_right
    assert hashed == TRIES + 1  # and the password itself
    assert time.process_time() - began < 30
    verdict = await password.is_right("correct-horse", "10.0.0.1")
    assert not verdict.is_right  # or the hundred thousandth try would tell
    assert 0 < verdict.wait <= module.WINDOW
    assert (await password.is_right("correct-horse", "10.0.0.2")).is_right


async def test_tries_at_the_same_time_are_counted_before_they_are_compared() -> None:
    password = Password("correct-horse")
    verdicts = await asyncio.gather(
        *(password.is_right(f"wrong{number}", "10.0.0.1") for number in range(50))
    )
    assert sum(verdict.wait == 0 for verdict in verdicts) <= TRIES


async def test_who_was_right_is_not_held_to_earlier_mistakes() -> None:
    password = Password("correct-horse")
    for _ in range(3):
        for _ in range(TRIES - 1):
            assert (await password.is_right("wrong", "10.0.0.1")).wait == 0
        assert (await password.is_right("correct-horse", "10.0.0.1")).is_right


async def test_addresses_that_were_wrong_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    password = Password("correct-horse")

    async def wrong(_word: str) -> bool:
        return False

    monkeypatch.setattr(password, "_compare", wrong)
    for number in range(3000):
        await password.is_right("wrong", f"10.0.{number // 250}.{number % 250}")
    assert len(password._wrong) == 1024


def test_a_network_of_ipv6_counts_as_one() -> None:
    assert network_of("2001:db8:1:2::3") == network_of("2001:db8:1:2:ffff::4")
    assert network_of("2001:db8:1:2::3") != network_of("2001:db8:1:3::3")
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1")
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("") == ""
