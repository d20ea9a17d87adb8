"""Microsoft's faults: Graph, its sign-in, the name service, certificates."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from busylight.demo.lookalike import Lookalike, faults
from busylight.demo.lookalike.certificates import Validity, mint_server_files
from firmware_bridge.virtual_light import VirtualLight
from tests.faults.measure import (
    BASE,
    INTERVAL,
    STALE_AFTER,
    Figure,
    Place,
    change,
    eventually,
    first_frame,
    good_answers,
    monotonic_of,
    row,
    settle,
)
from tests.support.fault_proxy import FaultProxy
from tests.support.meddling import Meddling
from tests.support.program import Program, json_of

LONGEST_RETRY: Final = 15.0
_REQUEST: Final = 10.0  # seconds that a request may take before it counts as failed

QUICK: Final = {
    "HTTP 500": faults.SERVER_ERROR,
    "HTML in place of JSON": faults.CAPTIVE_PORTAL,
}
ALL: Final = QUICK | {
    "reset": faults.RESET,
    "silent": faults.SILENCE,
    "a byte a second": faults.dribbled_body(),
    "HTTP 503": faults.UNAVAILABLE,
    "HTTP 404": faults.status(404),
    "junk": faults.INVALID_JSON,
    "too large": faults.HUGE,
    "cut": faults.CUT_BODY,
    "closed": faults.CLOSE,
}


@row("Graph fails")
def graph_fails(place: Place) -> Iterator[Figure]:
    """Two ways in which Graph gives no usable answer."""
    yield from _outages(place, QUICK)


@row("Graph fails in every way", slow=True)
def graph_fails_in_every_way(place: Place) -> Iterator[Figure]:
    """Each way in which Graph gives no usable answer."""
    yield from _outages(place, ALL)


def _outages(place: Place, ways: dict[str, faults.Fault]) -> Iterator[Figure]:
    lookalike, light = place.lookalike(), place.light()
    place.start()
    first_frame(light, "available", 0.0)
    for turn, (name, fault) in enumerate(ways.items()):

        def begin(fault: faults.Fault = fault) -> None:
            lookalike.faults.add(fault, path="/v1.0")

        yield from outage(name, lookalike, light, begin, lookalike.faults.clear, turn)


def outage(
    name: str,
    lookalike: Lookalike,
    light: VirtualLight,
    begin: Callable[[], object],
    end: Callable[[], object],
    turn: int,
) -> Iterator[Figure]:
    """What holds while presence cannot be read, and after: for each way in which it cannot."""
    settle(light, lookalike, turn)
    begun = time.monotonic()
    begin()
    broken = time.monotonic()
    unknown = first_frame(light, "unknown", begun)
    last_good = max(moment for moment in good_answers(lookalike) if moment < broken)
    yield Figure(
        f"{name}: `unknown` after the last good reading, beyond STALE_AFTER",
        unknown.at - last_good - STALE_AFTER,
        1.0,
    )
    state = change(lookalike, turn + 1)
    ended = time.monotonic()
    end()
    shown = first_frame(light, state, ended)
    first_good = min(moment for moment in good_answers(lookalike) if moment > ended)
    yield Figure(
        f"{name}: true colour after the first good answer", shown.at - first_good, INTERVAL + 1
    )
    yield Figure(
        f"{name}: asked again after it was well", first_good - ended, LONGEST_RETRY + _REQUEST
    )


@row("Graph's connection breaks", slow=True)
def connection_breaks(place: Place) -> Iterator[Figure]:
    """Between us and Graph bytes vanish, stall, trickle, or end too early."""
    lookalike = place.lookalike()
    proxy = place.enter(FaultProxy(lookalike.port))
    place.home.settings["GRAPH_BASE_URL"] = f"https://localhost:{proxy.port}/v1.0"
    light = place.light()
    place.start()
    first_frame(light, "available", 0.0)

    def hang() -> None:
        proxy.hanging = True
        proxy.cut()

    ways: dict[str, Callable[[], object]] = {
        "refused": proxy.refuse,
        "accepted and left alone": hang,
        "black hole on the way there": lambda: setattr(proxy.to_server, "black_hole", True),
        "black hole on the way back": lambda: setattr(proxy.to_client, "black_hole", True),
        "stalled": lambda: setattr(proxy.to_client, "stalled", True),
        "20 bytes a second": lambda: setattr(proxy.to_client, "bytes_per_second", 20.0),
        "cut at byte 100": lambda: setattr(proxy.to_client, "cut_at", 100),
        "half-open": proxy.half_open,
    }
    for turn, (name, begin) in enumerate(ways.items()):
        yield from outage(name, lookalike, light, begin, proxy.heal, turn)


@row("TLS certificate out of its time", slow=True)
def certificates(place: Place) -> Iterator[Figure]:
    """The certificate of Graph has expired, or is not valid yet (as when the clock is behind)."""
    lookalike, light = place.lookalike(), place.light()
    trusted = [Path(lookalike.ca_file).read_bytes()]
    chains = {}
    for validity in (Validity.EXPIRED, Validity.NOT_YET_VALID):
        directory = place.directory / validity.name
        directory.mkdir()
        files = mint_server_files(directory, validity)
        trusted.append(files.ca_file.read_bytes())
        chains[validity.name.lower().replace("_", " ")] = files.chain_file
    valid = place.directory / "VALID"
    valid.mkdir()
    good = mint_server_files(valid, Validity.VALID)
    trusted.append(good.ca_file.read_bytes())
    bundle = place.directory / "bundle.pem"
    bundle.write_bytes(b"".join(trusted))
    place.home.settings["GRAPH_CA_FILE"] = str(bundle)
    program = place.start()
    first_frame(light, "available", 0.0)
    for turn, (name, chain) in enumerate(chains.items()):

        def present(chain: Path = chain) -> None:
            lookalike.tls.load_cert_chain(chain)
            lookalike.cut_connections()

        def recover() -> None:
            report = program.report()
            assert report is not None
            assert "clock" in report["diagnostics"]["last_error"]
            lookalike.tls.load_cert_chain(good.chain_file)

        yield from outage(f"certificate {name}", lookalike, light, present, recover, turn)


@row("DNS dead", slow=True)
def dns(place: Place) -> Iterator[Figure]:
    """The name service answers nothing, or says that it cannot."""
    lookalike, light = place.lookalike(), place.light()
    meddling = Meddling(place.home)
    place.start()
    first_frame(light, "available", 0.0)
    for turn, state in enumerate(("dead", "hanging")):

        def begin(state: str = state) -> None:
            meddling.set(dns=state)
            lookalike.cut_connections()

        yield from outage(
            f"DNS {state}", lookalike, light, begin, lambda: meddling.set(dns="well"), turn
        )


@row("429 with Retry-After")
def retry_after(place: Place) -> Iterator[Figure]:
    """Graph asks to be left alone for some seconds."""
    lookalike, light = place.lookalike(), place.light()
    place.start()
    settle(light, lookalike, 0)
    wait = 6
    lookalike.faults.add(faults.throttled(wait), path="/v1.0", times=1)
    asked = eventually(lambda: next((r.at for r in lookalike.requests if r.status == 429), None))
    state = change(lookalike, 1)
    shown = first_frame(light, state, monotonic_of(asked))
    unknown = first_frame(light, "unknown", monotonic_of(asked))
    later = [record.at - asked for record in lookalike.requests if record.at > asked]
    yield Figure("429: next request after", later[0], wait, at_least=True)
    yield Figure("429: next request after, at the latest", later[0], wait + 1)
    last_good = max(moment for moment in good_answers(lookalike) if moment < unknown.at)
    yield Figure("429: STALE_AFTER runs on, beyond it", unknown.at - last_good - STALE_AFTER, 1.0)
    yield Figure("429: true colour after the wait", shown.at - monotonic_of(asked) - wait, 2.0)


@row("401")
def unauthorized(place: Place) -> Iterator[Figure]:
    """Graph refuses a token that looks good, once; then every token."""
    lookalike, light = place.lookalike(), place.light()
    program = place.start()
    settle(light, lookalike, 0)
    issued, begun = lookalike.entra.tokens_issued, time.monotonic()
    lookalike.entra.expire_access_tokens()
    settle(light, lookalike, 1)
    yield Figure("401: tokens renewed by force", lookalike.entra.tokens_issued - issued, 1, "")
    wrong = sum(frame.at > begun and frame.state in ("unknown", "signin") for frame in light.frames)
    yield Figure("401: times that the light left the truth", wrong, 0, "")
    issued = lookalike.entra.tokens_issued

    def end() -> None:
        report = program.report()
        assert report is not None
        assert report["presence"]["reason"] == "unreachable"
        lookalike.faults.clear()

    yield from outage(
        "401 for ever",
        lookalike,
        light,
        lambda: lookalike.faults.add(faults.status(401), path="/v1.0"),
        end,
        2,
    )
    yield Figure("401 for ever: tokens asked for", lookalike.entra.tokens_issued - issued, 2, "")


@row("Entra refuses", slow=True)
def entra_refuses(place: Place) -> Iterator[Figure]:
    """The sign-in is revoked, the password changed, Conditional Access says no."""
    lookalike, light = place.lookalike(), place.light()
    broker = place.broker()
    recorder = place.recorder(broker)
    place.home.with_broker(broker.port)
    program = place.start()
    first_frame(light, "available", 0.0)
    for turn, (name, number) in enumerate(
        {"revoked": 50173, "expired": 700082, "Conditional Access": 53003}.items()
    ):
        settle(light, lookalike, turn)
        begun = time.monotonic()
        lookalike.entra.revoke(code=number)
        lookalike.entra.expire_access_tokens()
        signin = first_frame(light, "signin", begun)
        refused = _first_refusal(lookalike, begun)
        yield Figure(f"{name}: COLOR_SIGNIN after the first refusal", signin.at - refused, 10.0)
        report = program.reports(lambda found: found["sign_in"] is not None)
        assert f"AADSTS{number}" in report["diagnostics"]["last_error"]
        eventually(lambda: json_of(recorder.last(f"{BASE}/presence")).get("reason") == "signed_out")
        state = change(lookalike, turn + 1)
        entered = time.monotonic()
        lookalike.entra.approve(report["sign_in"]["code"])
        shown = first_frame(light, state, entered)
        yield Figure(f"{name}: true colour after sign-in", shown.at - entered, 7.0)


def _first_refusal(lookalike: Lookalike, after: float) -> float:
    return next(
        monotonic_of(record.at)
        for record in lookalike.requests
        if record.path.endswith("/token")
        and monotonic_of(record.at) > after
        and record.status is not None
        and record.status >= 400
    )


@row("Entra refuses the app", slow=True)
def entra_refuses_the_app(place: Place) -> Iterator[Figure]:
    """A client secret that has expired; and that it is tried again after 15 minutes, not before."""
    lookalike, light = place.lookalike(signed_in=False), place.light()
    place.home.settings |= {
        "GRAPH_CLIENT_SECRET": lookalike.client_secret,
        "GRAPH_TENANT_ID": lookalike.tenant_id,
        "GRAPH_USER": "fa8bf3dc-eca7-46b7-bad1-db199b62afc3",
    }
    meddling = Meddling(place.home)
    program = place.start()
    first_frame(light, "available", 0.0)
    begun = time.monotonic()
    lookalike.entra.refuse_with(7000222, at=["client_credentials"])
    lookalike.entra.expire_access_tokens()
    signin = first_frame(light, "signin", begun)
    refused = _first_refusal(lookalike, begun)
    yield Figure("expired secret: COLOR_SIGNIN after the first refusal", signin.at - refused, 10.0)
    _assert_told(program, "AADSTS7000222")
    asked = _tokens_asked(lookalike)
    meddling.set(suspended=880.0)  # the clock of ages runs ahead: a quarter of an hour is not over
    time.sleep(6.0)  # longer than it may nap: that nothing is asked is what is looked at
    yield Figure("expired secret: asked within 15 min", _tokens_asked(lookalike) - asked, 0, "")
    counted = _refusals(program)
    meddling.set(suspended=895.0)
    eventually(lambda: _tokens_asked(lookalike) > asked)
    # The next quarter of an hour begins when the answer was read, not when it was asked for.
    eventually(lambda: _refusals(program) > counted)
    lookalike.entra.allow()
    meddling.set(suspended=1800.0)
    healed = time.monotonic()
    yield Figure(
        "mended secret: true colour once 15 min are over",
        first_frame(light, "available", healed).at - healed,
        7.0,
    )


def _refusals(program: Program) -> int:
    report = program.reports(lambda found: found["diagnostics"].get("faults"))
    return int(report["diagnostics"]["faults"]["source"])


def _tokens_asked(lookalike: Lookalike) -> int:
    return sum(record.path.endswith("/token") for record in lookalike.requests)


def _assert_told(program: Program, words: str) -> None:
    program.reports(lambda found: words in (found["diagnostics"]["last_error"] or ""))
