"""Busylight's own checks of an output, for whoever writes one. Needs no pytest, and fits into it.

    await check_output(Trial(Lamp, {"host": "127.0.0.1"}))

tries everything and raises `OutputCheckError` with all that is wrong. With pytest, one test each:

    @pytest.mark.parametrize("check", CHECKS, ids=str)
    async def test_the_lamp(check, lookalike):
        await check(Trial(Lamp, {"host": lookalike.host}))
"""

from busylight.testing.checks import CHECKS, Check, check_output
from busylight.testing.trial import OutputCheckError, Trial, view_of

__all__ = ["CHECKS", "Check", "OutputCheckError", "Trial", "check_output", "view_of"]
