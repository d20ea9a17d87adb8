"""Groups of tests that need more than the others, and tests that may be tried again."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from busylight.testing.lateness import Lateness

# How long an example takes says nothing of the code on a machine that others use, too.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# What is tried on each of thousands of changes (scripts/mutation): fewer examples, always the same.
settings.register_profile(
    "mutation",
    settings.get_profile("shared"),
    max_examples=25,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # that it fails is enough
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "shared"))

# Home Assistant's own code is not to be had everywhere: `scripts/test ha` brings it.
collect_ignore = [] if find_spec("pytest_homeassistant_custom_component") else ["ha"]
# Nor is a browser: `scripts/test page` brings it.
collect_ignore += [] if find_spec("playwright") else ["page"]


@pytest.fixture
def lateness() -> Iterator[Lateness]:
    """Of the machine, beside what is timed."""
    with Lateness() as lateness:
        yield lateness


_REAL_PARTS = {"real", "e2e", "faults", "firmware", "ha", "image", "page", "security"}
"""Directories whose tests run against the clock of real parts."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a test on real parts be tried again: a shared machine may be late, and that is named."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in _REAL_PARTS:
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1))
