"""What many of these tests need."""

from tests.support.fixtures import broker, lookalike, recorder

__all__ = ["broker", "lookalike", "recorder"]
