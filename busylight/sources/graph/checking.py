"""What `busylight check` tries of Graph and of its sign-in."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from busylight.core.knowledge import Why
from busylight.sources.graph.errors import GraphError, SignedOutError
from busylight.sources.graph.http import server_time
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings

_CLOCK_TOLERANCE: Final = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One line of `busylight check`."""

    what: str
    """`sign-in server`, `sign-in`, `Graph`, `permission`, `presence`, `clock` or `writing`."""
    ok: bool
    detail: str
    remedy: str = ""


async def check(session: GraphSession) -> list[CheckLine]:
    """Try everything for real. Changes nothing, but a token may be refreshed."""
    lines = [await _check_sign_in(session)]
    is_signed_in = lines[0].ok
    try:
        answer = await session.call(lambda link: link.client.reach())
    except GraphError as error:
        lines.append(CheckLine("Graph", ok=False, detail=error.problem, remedy=error.remedy))
        return lines
    lines.append(CheckLine("Graph", ok=True, detail=f"{session.base} answers"))
    lines.append(_check_clock(server_time(answer)))
    if is_signed_in:
        lines.append(await _check_presence(session))
    return lines


async def check_writing(settings: GraphSettings) -> CheckLine:
    """Try whether the preferred presence could be set, and set nothing."""
    async with GraphSession(settings, writes=True) as session:
        try:
            await session.call(lambda link: link.client.may_prefer())
        except SignedOutError as error:
            return CheckLine("sign-in", ok=False, detail=error.problem, remedy=error.remedy)
        except GraphError as error:
            return CheckLine("writing", ok=False, detail=error.problem, remedy=error.remedy)
    return CheckLine(
        "writing",
        ok=True,
        detail="the person's preferred presence in Teams may be set; nothing was changed",
    )


async def _check_sign_in(session: GraphSession) -> CheckLine:
    try:
        token = await session.call(lambda link: link.tokens.token())
        await session.find_tenant()  # a token that was stored says nothing of the server
    except SignedOutError as error:
        return CheckLine("sign-in", ok=False, detail=error.problem, remedy=error.remedy)
    except GraphError as error:
        return CheckLine("sign-in server", ok=False, detail=error.problem, remedy=error.remedy)
    who = f"as {token.account.name}" if token.account else "as the app itself"
    return CheckLine("sign-in", ok=True, detail=f"signed in {who}")


async def _check_presence(session: GraphSession) -> CheckLine:
    try:
        reading = await session.call(lambda link: link.client.read())
    except GraphError as error:
        what = {Why.FORBIDDEN: "permission", Why.SIGNED_OUT: "sign-in"}.get(error.why, "presence")
        return CheckLine(what, ok=False, detail=error.problem, remedy=error.remedy)
    if reading.troubles:
        person, trouble = next(iter(reading.troubles.items()))
        more = f", and {len(reading.troubles) - 1} more" if len(reading.troubles) > 1 else ""
        return CheckLine("presence", ok=False, detail=f"{person}: {trouble.detail}{more}")
    words = [presence.words for presence in reading.presences.values()]
    detail = words[0] if len(words) == 1 else f"{len(words)} people"
    return CheckLine("presence", ok=True, detail=detail)


def _check_clock(server: datetime | None) -> CheckLine:
    if server is None:
        return CheckLine("clock", ok=True, detail="Graph does not tell the time")
    wrong = (datetime.now(UTC) - server).total_seconds()
    if abs(wrong) <= _CLOCK_TOLERANCE:
        return CheckLine("clock", ok=True, detail="agrees with Graph's")
    side = "ahead" if wrong > 0 else "behind"
    return CheckLine(
        "clock",
        ok=False,
        detail=f"this machine's clock is {abs(wrong) / 60:.0f} minutes {side}",
        remedy="see that it is set by NTP (timedatectl)",
    )
