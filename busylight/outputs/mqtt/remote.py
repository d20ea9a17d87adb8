"""One-shot conversations through the broker, beside a daemon and never in its place.

They use a client id of their own and no will.
"""

import asyncio
import json
import secrets
from collections.abc import Callable
from typing import Any, Final

from busylight.core.override import Mode, SetMode
from busylight.core.preferred_presence import PREFERRED, PreferredState
from busylight.core.reader import Role
from busylight.mqtt import failures
from busylight.mqtt.connection import Caller, Connection, Received
from busylight.mqtt.failures import NoDaemonError, TeamsNotToldError
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.commands import COMMANDS, mode_payload
from busylight.outputs.mqtt.payloads import OFFLINE, ONLINE, alive_topics, reader_topic
from busylight.outputs.mqtt.retained import Retained
from busylight.parts import OutputError


async def visit(settings: MqttSettings, received: Received, limit: float) -> Connection:
    """Connect as a visitor; raises `OutputError`."""
    client_id = f"{settings.client_id_in_force}-{secrets.token_hex(4)}"
    return await Connection.open(Caller(settings, client_id, received), limit)


TEAMS_SECONDS: Final = 15.0
"""How long Teams may take to be told: a request may take ten seconds."""


async def set_mode(
    settings: MqttSettings,
    wanted: SetMode,
    timeout: float = 5.0,  # noqa: ASYNC109 -- the contract's five seconds
    *,
    teams: bool = False,
) -> None:
    """Ask the running daemon for a mode, and return when it shows it; `teams`: and Teams, too.

    Raises `NoDaemonError` when none has confirmed within `timeout` seconds, `TeamsNotToldError`
    when Teams has not been told, and `OutputError` when the broker cannot be used.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    daemon = _Daemon(settings, wanted, teams=teams)
    connection = await visit(settings, daemon.received, timeout)
    try:
        async with asyncio.timeout_at(deadline):
            await connection.unless_ended(_ask(connection, settings, wanted, daemon, teams=teams))
        if teams:
            async with asyncio.timeout(TEAMS_SECONDS):
                await connection.unless_ended(daemon.until(lambda: daemon.told_teams))
        await connection.close()
    except TimeoutError:
        if daemon.confirms:
            raise TeamsNotToldError(daemon.excuse_of_teams()) from None
        raise NoDaemonError(daemon.excuse(timeout)) from None
    finally:
        connection.abort()


async def _ask(
    connection: Connection,
    settings: MqttSettings,
    wanted: SetMode,
    daemon: "_Daemon",
    *,
    teams: bool,
) -> None:
    if refused := await connection.subscribe(daemon.topics):
        raise OutputError(failures.subscription_refused(settings, refused))
    topic = f"{settings.base}/mode/set"
    while True:
        # Who is away hears nothing; who comes back is asked again.
        await daemon.until(lambda: not daemon.is_away and (daemon.is_described or not teams))
        if teams and not daemon.writes:
            raise TeamsNotToldError(
                f"the daemon of {settings.base} tells Teams nothing, and was asked for nothing: "
                "set BUSYLIGHT_GRAPH_WRITE=true where it runs, sign in there again with "
                "`busylight login`, and restart it; or leave --teams out"
            )
        daemon.asked()
        sent = connection.send(topic, mode_payload(wanted), retain=False)
        if reason := await sent:
            raise failures.PublishRefusedError(settings, {topic: reason})
        await daemon.until(lambda: daemon.confirms or daemon.is_away)
        if daemon.confirms:
            return


class _Daemon:
    """What the daemon says of itself on the broker."""

    def __init__(self, settings: MqttSettings, wanted: SetMode, *, teams: bool) -> None:
        self._settings = settings
        self._wanted = wanted
        self._lives: dict[str, bytes] = {}
        self._mode: str | None = None
        self._override: Any = ...  # not heard yet; None is heard: no override
        self._override_is_news = False
        self._diagnostics: Any = ...
        self._diagnostics_are_news = False
        self._heard = asyncio.Event()
        base = settings.base
        self._mode_topic, self._override_topic = f"{base}/mode", f"{base}/override"
        self._diagnostics_topic = f"{base}/diagnostics"
        self.topics = [*alive_topics(base), self._mode_topic, self._override_topic]
        if teams:
            self.topics.append(self._diagnostics_topic)

    def received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take in what the broker sends."""
        if topic == self._mode_topic:
            self._mode = payload.decode(errors="replace")
        elif topic == self._override_topic:
            self._override = _json(payload)
            self._override_is_news = not retained
        elif topic == self._diagnostics_topic:
            self._diagnostics = _json(payload)
            self._diagnostics_are_news = not retained
        elif payload:
            self._lives[topic] = payload
        else:
            self._lives.pop(topic, None)
        self._heard.set()

    def asked(self) -> None:
        """Forget what was said before: only what is said from now on is an answer."""
        self._override_is_news = self._diagnostics_are_news = False

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when `condition` holds."""
        while not condition():
            self._heard.clear()
            await self._heard.wait()

    @property
    def is_away(self) -> bool:
        """Whether it says so itself, or the broker in its place; of two readers, both of them."""
        return OFFLINE in self._lives.values() and not self._is_online

    @property
    def _is_online(self) -> bool:
        return ONLINE in self._lives.values()

    @property
    def confirms(self) -> bool:
        """Whether it lives, and shows what is wanted."""
        if not self._is_online or self._mode != self._wanted.mode:
            return False
        if not self._override_is_news:  # retained: perhaps by a daemon that is no more
            return False
        if self._wanted.mode is Mode.AUTO:
            return self._override is None
        return (
            isinstance(self._override, dict)
            and self._override.get("mode") == self._wanted.mode
            and self._ends_as_wanted(self._override.get("ends_at"))
        )

    def _ends_as_wanted(self, ends_at: object) -> bool:
        # The daemon's clock may be wrong: that it says an end is the answer, whatever the date.
        return isinstance(ends_at, str) is (self._wanted.seconds is not None)

    @property
    def is_described(self) -> bool:
        """Whether it has said how it is."""
        return isinstance(self._diagnostics, dict)

    @property
    def writes(self) -> bool:
        """Whether it tells Teams anything at all."""
        return bool(self._teams)

    @property
    def told_teams(self) -> bool:
        """Whether Teams was told what is wanted; raises `TeamsNotToldError` where it cannot be."""
        teams = self._teams
        if self._wanted.mode is Mode.AUTO and teams.get("state") == PreferredState.NONE:
            return True  # also if there was nothing to clear
        if not self._diagnostics_are_news:
            return False  # perhaps about what was asked for before
        if teams.get("state") == PreferredState.FAILED:
            raise TeamsNotToldError(self.excuse_of_teams())
        wanted = PREFERRED.get(self._wanted.mode)
        is_set = teams.get("state") == PreferredState.SET
        return is_set and wanted is not None and teams.get("availability") == wanted.availability

    @property
    def _teams(self) -> dict[str, Any]:
        document = self._diagnostics if isinstance(self._diagnostics, dict) else {}
        teams = document.get("preferred_presence")
        return teams if isinstance(teams, dict) else {}

    def excuse_of_teams(self) -> str:
        """Why Teams was not told, as far as can be known."""
        problem = self._teams.get("error") or f"it has not taken it within {TEAMS_SECONDS:g} s"
        return f"the light shows {self._wanted.mode}, but Teams was not told: {problem}"

    def excuse(self, seconds: float) -> str:
        """Why nobody has confirmed, as far as can be known."""
        base = self._settings.base
        if self.is_away:
            said = next(topic for topic, word in self._lives.items() if word == OFFLINE)
            return f"the daemon of {base} is not running: {said} says offline"
        if not self._lives:
            return (
                f"no daemon is known at {base} on {failures.where(self._settings)}: start it with "
                "`busylight run`, with OUTPUTS=mqtt and the same ID and MQTT_TOPIC"
            )
        return (
            f"the daemon of {base} has not confirmed within {seconds:g} s; perhaps the broker's "
            f"access rules (ACL) keep commands on {base}/mode/set from it"
        )


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return ...


async def check(settings: MqttSettings) -> str:
    """Try the broker without publishing anything, and say in one line what was found.

    Raises `OutputError` with what to do about it.
    """
    retained = Retained()
    connection = await visit(settings, retained.received, limit=10.0)
    try:
        refused = await connection.subscribe([f"{settings.base}/{end}" for end in COMMANDS])
        readers = ""
        if settings.reader is not None:
            topics = [reader_topic(settings, role) for role in Role]
            refused += await retained.look(connection, topics)
            readers = _readers(settings, settings.reader, retained)
        if refused:
            raise OutputError(failures.subscription_refused(settings, refused))
        await connection.close()
    finally:
        connection.abort()
    encrypted = "with TLS" if settings.tls else "without TLS"
    who = f"as user {settings.username!r}" if settings.username else "without a user name"
    return (
        f"{failures.where(settings)} speaks MQTT {connection.version} {encrypted}, lets us in "
        f"{who} and accepts our subscriptions; whether {settings.base}/# may be written shows "
        f"when the daemon runs{readers}"
    )


def _readers(settings: MqttSettings, role: Role, retained: Retained) -> str:
    """Which of two readers this is, and what the other one says."""
    said = retained.found.get(reader_topic(settings, role.other), b"nothing")
    return f"; this is the {role}; the {role.other} says {said.decode('utf-8', 'replace')}"
