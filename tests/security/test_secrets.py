"""Secrets that are marked, faults of every kind, and then a search through all that was written."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from busylight.core.knowledge import SignInPrompt
from busylight.demo.lookalike import AppCredential, Lookalike, faults
from busylight.mqtt.settings import MqttSettings
from busylight.sources.graph.http import Answer
from busylight.sources.graph.sign_in import DeviceCode
from busylight.sources.graph.tokens import Token
from firmware_bridge.virtual_light import TEMPLATE, VirtualLight
from tests.security.evidence import Evidence
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.program import PATIENCE, Home

USER, PASSWORD = "busy", "Marked~mqtt pass/word&42=ü"
AVAILABILITY = "busylight/desk/availability"
GRAPH = "/v1.0"
GRAPH_FAULTS = (
    faults.CAPTIVE_PORTAL,
    faults.DEEP_JSON,
    faults.HUGE,
    faults.status(403),
    faults.redirect("https://localhost:1/elsewhere"),
)
SIGN_IN_FAULTS = (
    faults.JUNK_AFTER_JSON,
    faults.CUT_BODY,
    faults.DEEP_JSON,
    faults.BAD_UTF8,
    faults.status(401),
    faults.SERVER_ERROR,
    faults.RESET,
)


@pytest.fixture
def evidence() -> Evidence:
    return Evidence()


@pytest.fixture
def lookalike() -> Iterator[Lookalike]:
    with Lookalike() as lookalike:
        yield lookalike


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.mark.timeout(300)  # some twenty processes, one after the other
def test_no_fault_of_graph_sign_in_or_broker_brings_a_secret_to_light(
    home: Home, lookalike: Lookalike, evidence: Evidence, tmp_path: Path
) -> None:
    evidence.secret("the broker's password", PASSWORD)
    with (
        Broker(tmp_path / "broker", passwords={USER: PASSWORD}) as broker,
        Recorder(broker, username=USER, password=PASSWORD) as recorder,
        VirtualLight(tmp_path / "light") as light,
    ):
        home.with_graph(lookalike, signed_in=False).with_broker(broker.port)
        home.with_light(light.path, TEMPLATE)
        home.settings |= {
            "MQTT_USERNAME": USER,
            "MQTT_PASSWORD": PASSWORD,
            "MQTT_ACCOUNT": "true",
            "MQTT_STATUS_MESSAGE": "true",
        }
        with home.start("run", "--debug") as program:
            program.shows("signin")
            evidence.of_daemon(program)
            lookalike.entra.approve()
            program.shows("available")
            # The daemon meets some of them, too; who asks once need not wait for its next try.
            for fault in GRAPH_FAULTS:
                lookalike.faults.add(fault, path=GRAPH)
                evidence.of_run(home, "status", "--debug")
                lookalike.faults.clear()
            lookalike.faults.add(faults.status(503), path=GRAPH)
            program.reports(lambda report: "503" in (report["diagnostics"]["last_error"] or ""))
            evidence.secrets_of(lookalike)
            evidence.of_daemon(program)
            lookalike.faults.clear()
            for fault in SIGN_IN_FAULTS:
                evidence.secrets_of(lookalike)
                lookalike.entra.vault.access.clear()  # so that Graph says 401: a refresh is needed
                lookalike.faults.add(fault, path=f"/{lookalike.tenant_id}")
                evidence.of_run(home, "status", "--debug")
                lookalike.faults.clear()
            program.shows("available")
            light.unplug()
            said_online = recorder.payloads(AVAILABILITY).count(b"online")
            recorder.expect_restart()
            broker.restart()  # it forgets everything, so the program says that it is back
            recorder.await_subscription()
            wait_until(
                lambda: recorder.payloads(AVAILABILITY).count(b"online") > said_online, PATIENCE
            )
            recorder.publish("busylight/desk/mode/set", "[" * 4000)
            recorder.publish("busylight/desk/mode/set", "busy")
            program.shows("busy")
            evidence.secrets_of(lookalike)
            lookalike.entra.revoke()
            program.reports(lambda report: report["sign_in"])
            for words in (
                ("check", "--debug"),
                ("check", "--json"),
                ("status", "--json"),
                ("set", "auto", "--debug"),
                ("logout", "--debug"),
            ):
                evidence.of_run(home, *words)
            evidence.of_daemon(program)
            assert program.ends()[0] == 0
        evidence.of_broker(recorder)
        home.settings["MQTT_PASSWORD"] = evidence.secret("a wrong password", "Wr0ng-but-secret")
        evidence.of_run(home, "check", "--debug")
        evidence.of_run(home, "unpublish", "--debug")
    evidence.secrets_of(lookalike)
    evidence.of_files(home)
    assert evidence.size > 20_000, "little was written: the test has seen nothing"
    assert evidence.leaks() == set()


@pytest.mark.parametrize("command", ["status", "check"])
def test_the_apps_own_secret_comes_to_light_in_no_fault_of_the_sign_in_server(
    home: Home, evidence: Evidence, command: str
) -> None:
    secret = evidence.secret("the client secret", "Marked~client secret/+&=42")
    with Lookalike(client_secret=secret) as lookalike:
        home.with_graph(lookalike, signed_in=False)
        home.settings |= {
            "GRAPH_CLIENT_SECRET": evidence.secret("a wrong secret", "Wr0ng~one/+"),
            "GRAPH_USER": "fa8bf3dc-eca7-46b7-bad1-db199b62afc3",
        }
        evidence.of_run(home, command, "--debug")  # as long as there is no token: it is refused
        assert lookalike.entra.issued["client_credentials"] == 0
        home.settings["GRAPH_CLIENT_SECRET"] = secret
        for fault in (faults.JUNK_AFTER_JSON, faults.INVALID_JSON, faults.status(401), None):
            if fault is not None:
                lookalike.faults.add(fault, path=f"/{lookalike.tenant_id}/oauth2")
            evidence.of_run(home, command, "--debug")
            evidence.secrets_of(lookalike)
            lookalike.faults.clear()
    evidence.of_files(home)
    assert evidence.leaks() == set()


@pytest.mark.parametrize("password", ["Marked~pfx &42", "the wrong one/42"])
def test_a_certificates_password_comes_to_light_neither_when_it_is_right_nor_when_it_is_wrong(
    home: Home, lookalike: Lookalike, evidence: Evidence, tmp_path: Path, password: str
) -> None:
    credential = AppCredential.mint()
    lookalike.entra.register_certificate(credential.certificate)
    file = tmp_path / "app.pfx"
    file.write_bytes(credential.pfx("Marked~pfx &42"))
    file.chmod(0o600)
    home.with_graph(lookalike, signed_in=False)
    home.settings |= {
        "GRAPH_CERTIFICATE_FILE": str(file),
        "GRAPH_CERTIFICATE_PASSWORD": evidence.secret("the certificate's password", password),
        "GRAPH_USER": "fa8bf3dc-eca7-46b7-bad1-db199b62afc3",
    }
    for words in (("status", "--debug"), ("check", "--debug"), ("check", "--json")):
        evidence.of_run(home, *words)
    evidence.secrets_of(lookalike)
    evidence.of_files(home)
    assert evidence.leaks() == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MQTT_PASSWORD", "Marked-in-a-bad-place"),
        ("MQTT_KEY_PASSWORD", "Marked-key"),
        ("GRAPH_CLIENT_SECRET", "Marked-client"),
    ],
)
def test_bad_settings_are_told_without_the_secrets_among_them(
    home: Home, evidence: Evidence, name: str, value: str
) -> None:
    evidence.secret(name, value)
    home.settings |= {name: value, "INTERVAL": "soon", "OUTPUTS": "mqtt,serial"}
    home.settings[f"{name}_FILE"] = "/no/such/file"
    assert evidence.of_run(home, "run", "--debug") == 78
    assert evidence.of_run(home, "check", "--debug") == 78
    assert evidence.leaks() == set()


def test_what_holds_a_secret_shows_none_of_it() -> None:
    secret = "Marked-in-memory"
    prompt = SignInPrompt("https://microsoft.com/devicelogin", "ABCD", 0.0)
    for holder in (
        Token(secret, None, 0.0),
        DeviceCode(prompt, 5.0, {"device_code": secret}),
        Answer(200, {"authorization": secret}, secret.encode()),
        MqttSettings(id="desk", name="Desk", host="h", username="u", password=SecretStr(secret)),
    ):
        assert secret not in f"{holder!r} {holder}"


def test_no_core_dump_is_written_of_a_program_that_crashes(home: Home) -> None:
    with Lookalike() as lookalike:
        home.with_graph(lookalike)
        with home.start("run") as program:
            program.shows("available")
            limits = Path(f"/proc/{program.process.pid}/limits").read_text("ascii")
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]


def test_what_a_search_would_find_is_found(evidence: Evidence) -> None:
    evidence.secret("it", "a b/ü")
    for written in ("x a b/ü y", "a%20b/%C3%BC", "a+b%2F%C3%BC", r"a b/\u00fc", "YSBiL8O8"):
        found = Evidence()
        found.secret("it", "a b/ü")
        found.note("a log", written)
        assert found.leaks() == {"it in a log"}, written
    assert evidence.leaks() == set()
