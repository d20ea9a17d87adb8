"""Home Assistant's own code is not to be had everywhere: `scripts/test ha` brings it."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("pytest_homeassistant_custom_component") else ["ha"]
