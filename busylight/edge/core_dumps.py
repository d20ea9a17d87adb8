"""A crash leaves no copy of the memory behind: there are tokens in it."""

import contextlib
import resource


def forbid() -> None:
    """Let no core dump of this process, or of those that it starts, be written.

    systemd-coredump keeps to the same limit. Nothing is said where it cannot be set.
    """
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
