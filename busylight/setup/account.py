"""Where presence comes from: the app registration, and the sign-in."""

from collections.abc import Mapping
from typing import Final

from busylight.setup import registration
from busylight.setup.answers import Answers
from busylight.setup.steps import Ask, Outcome, SignIn, Talk, Tell, TrySource, ask, attempt, choose

_IDS: Final = frozenset({700016, 90002, 900023, 50194, 50059, 50020, 50034, 70001})
"""Microsoft's reasons that say that client id or tenant id is not right."""
_CODES: Final = frozenset({53003, 7000218, 530032, 530034, 50097})
"""Those for which a browser may get through where a code does not."""

_SOURCES: Final = {
    "graph": "Microsoft Graph: you sign in",
    "mqtt": "an MQTT topic: teams-for-linux, Home Assistant or another Busylight tells it. Nobody\n"
    "              signs in; teams-for-linux knows of ringing, camera and microphone, too",
}
_WAYS: Final = {
    "have": "I have a registration, and its two ids",
    "guide": "lead me through Microsoft's pages",
    "az": "a command line for Microsoft's az",
    "manifest": "the pages, and a manifest in JSON to paste",
}
_PROOFS: Final = {
    "code": "with a code, in a browser on any device",
    "browser": "with a browser, where the company blocks codes",
    "secret": "nobody signs in: the app's own client secret (app permission)",
    "certificate": "nobody signs in: the app's own certificate (app permission)",
}
_CREDENTIALS: Final = ("GRAPH_CLIENT_SECRET", "GRAPH_CERTIFICATE_FILE")


def choose_source(answers: Answers) -> Talk[None]:
    """Until presence can be read."""
    if "SOURCE" not in answers.fixed:
        yield Tell(f"\nWhere does presence come from?\n{_menu(_SOURCES)}")
        known = answers.get("SOURCE", "graph")
        if known not in _SOURCES:  # a plugin's: its settings are its own
            return
        source = yield from choose(Ask("SOURCE", "Source", known), _SOURCES)
        answers.set("SOURCE", source if source != "graph" else None)
    if answers.get("SOURCE", "graph") == "graph":
        yield from _register(answers)
        yield from _sign_in(answers)
        return
    yield from answers.complete(only=lambda name: name.startswith("MQTT_"))
    while not (yield from _try(answers)).ok:
        again = {"again": "", "change": "the topic", "leave": "it as it is"}
        answer = yield from choose(
            Ask("again", "again, change the topic, or leave it", "again"), again
        )
        if answer == "leave":
            return
        if answer == "change":
            yield from answers.ask("MQTT_SOURCE_TOPIC")


def _register(answers: Answers) -> Talk[None]:
    """The app registration: links and values to paste, then its two ids."""
    cloud = answers.get("GRAPH_CLOUD", "global")
    has_ids = "GRAPH_CLIENT_ID" in answers.values
    way = "have"
    if "GRAPH_CLIENT_ID" not in answers.fixed:
        yield Tell(
            "\nMicrosoft gives presence only to apps that it knows: an app registration, which "
            f"costs nothing.\n{_menu(_WAYS)}"
        )
        way = yield from choose(
            Ask("registration", "Registration", "have" if has_ids else "guide"), _WAYS
        )
    if way == "az":
        yield Tell(registration.command_line())
    elif way in ("guide", "manifest"):
        yield Tell(registration.to_register(cloud))
    # What is made by the guide knows one organisation: any other sign-in address would be refused.
    yield from _ask_ids(answers, tenant="organizations" if way == "have" else "")
    if way in ("guide", "manifest"):
        client_id = answers.get("GRAPH_CLIENT_ID")
        finish = {
            "guide": registration.to_finish,
            "manifest": registration.to_finish_by_manifest,
        }[way]
        yield Tell(finish(cloud, client_id))
        yield from ask(Ask("registered", "Enter when that is done", "done"))


def _ask_ids(answers: Answers, *, tenant: str = "") -> Talk[None]:
    """Ask for both until Microsoft knows them; `tenant` is taken where none is given."""
    while True:
        yield from answers.ask("GRAPH_CLIENT_ID")
        yield from answers.ask("GRAPH_TENANT_ID", default=tenant)
        if (yield from _try(answers)).ok:
            return
        if {"GRAPH_CLIENT_ID", "GRAPH_TENANT_ID"} <= answers.fixed:
            choices = {"again": "", "leave": "it as it is"}
            answer = yield from choose(Ask("again", "again, or leave it", "again"), choices)
            if answer == "leave":
                return


def _sign_in(answers: Answers) -> Talk[None]:
    """Sign in, by another way where one is refused."""
    way = next(
        (word for word in ("certificate", "secret") if _credential(word) in answers.values), "code"
    )
    while True:
        if not answers.fixed.intersection(_CREDENTIALS):
            choices = {**_PROOFS, "later": "with `busylight login`"}
            yield Tell(f"\nHow shall it sign in?\n{_menu(choices)}")
            way = yield from choose(Ask("sign_in", "Sign in", way), choices)
            if way == "later":
                return
            yield from _ask_proof(answers, way)
        outcome = yield from attempt(SignIn(dict(answers.values), by_browser=way == "browser"))
        yield Tell(f"{'✓' if outcome.ok else '✗'} {outcome.text}")
        if outcome.ok:
            return
        if outcome.aadsts in _IDS:
            yield from _ask_ids(answers)
        elif outcome.aadsts in _CODES and way == "code":
            way = "browser"


def _credential(way: str) -> str:
    return {"secret": _CREDENTIALS[0], "certificate": _CREDENTIALS[1]}.get(way, "")


def _ask_proof(answers: Answers, way: str) -> Talk[None]:
    """What the app proves itself with; a person who signs in needs nothing of it."""
    if way != "secret":
        for name in ("GRAPH_CLIENT_SECRET", "GRAPH_CLIENT_SECRET_ENDS"):
            answers.set(name, None)
    if way != "certificate":
        for name in ("GRAPH_CERTIFICATE_FILE", "GRAPH_CERTIFICATE_PASSWORD"):
            answers.set(name, None)
    if way not in ("secret", "certificate"):
        return
    if answers.get("GRAPH_TENANT_ID", "organizations") == "organizations":
        answers.set("GRAPH_TENANT_ID", None)
    if way == "secret":
        yield from answers.ask("GRAPH_CLIENT_SECRET")
        yield from answers.ask("GRAPH_CLIENT_SECRET_ENDS", optional=True)
    else:
        yield from _ask_certificate(answers)
    if not answers.get("GRAPH_USERS"):
        yield from answers.ask("GRAPH_USER")
    yield from answers.complete(only=lambda name: name.startswith("GRAPH_"))


def _ask_certificate(answers: Answers) -> Talk[None]:
    """Its file, and its password if it has one: the two are good or bad together."""
    while True:
        yield from ask_path(answers)
        yield from answers.ask("GRAPH_CERTIFICATE_PASSWORD", optional=True)
        problem = answers.problem_of(
            "GRAPH_CERTIFICATE_FILE", answers.get("GRAPH_CERTIFICATE_FILE")
        )
        if problem is None:
            return
        yield Tell(problem)


def ask_path(answers: Answers) -> Talk[None]:
    """The certificate's file; that it is encrypted is no fault before its password is known."""
    now = answers.get("GRAPH_CERTIFICATE_FILE")
    text = answers.describe("GRAPH_CERTIFICATE_FILE")
    while True:
        path = yield from ask(Ask("GRAPH_CERTIFICATE_FILE", text, now))
        if path:
            answers.set("GRAPH_CERTIFICATE_FILE", path)
            return
        yield Tell("There has to be an answer to this one.")


def _try(answers: Answers) -> Talk[Outcome]:
    outcome = yield from attempt(TrySource(dict(answers.values)))
    yield Tell(f"{'✓' if outcome.ok else '✗'} {outcome.text}")
    return outcome


def _menu(choices: Mapping[str, str]) -> str:
    return "\n".join(f"  {word:<11} {meaning}" for word, meaning in choices.items())
