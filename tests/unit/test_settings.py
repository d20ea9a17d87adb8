"""One env file and the environment in, a frozen tree or every fault at once out."""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.adaptive import Adaptive
from busylight.core.light import parse_light
from busylight.settings import variables
from busylight.settings.envfile import EnvLine, parse_env_file
from busylight.settings.faults import SettingsError
from busylight.settings.load import load
from busylight.settings.tree import OnExit, Settings

CLIENT = "11111111-2222-3333-4444-555555555555"
GUID = "66825e03-7ef5-42da-9069-724602c31f6b"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _load(file: str = "", *, needs_source: bool = False, **environ: str) -> Settings:
    path = Path("test.env")
    path.write_text(file, "utf-8")
    given = {f"BUSYLIGHT_{name}": value for name, value in environ.items()}
    return load(path, {"HOME": "/home/someone", **given}, needs_source=needs_source)


def _faults(file: str = "", *, needs_source: bool = False, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        _load(file, needs_source=needs_source, **environ)
    return [str(fault) for fault in caught.value.faults]


def test_without_any_setting_the_defaults_hold() -> None:
    settings = _load()
    assert (settings.name, settings.id, settings.outputs) == (
        "Busy light",
        "busylight",
        ("terminal",),
    )
    assert (settings.interval, settings.stale_after, settings.brightness) == (5, 60, 100)
    assert settings.on_exit is OnExit.OFF
    assert settings.mqtt is None


def test_the_env_file_means_what_it_says() -> None:
    settings = _load(
        "\ufeff# a comment\r\n"
        "\n"
        "  # another\n"
        'BUSYLIGHT_NAME = "Door # not a comment" \n'
        "BUSYLIGHT_ID='desk'\n"
        "BUSYLIGHT_INTERVAL=\n"
        "OTHER_PROGRAM=${HOME} $(rm)\n"
        "BUSYLIGHT_SERIAL_PORT=/dev/ttyUSB0\n"
        "BUSYLIGHT_SERIAL_PROTOCOL=template\n"
        "BUSYLIGHT_SERIAL_TEMPLATE={r} ${HOME}\\n\n".replace("${HOME}", "$")
        + "BUSYLIGHT_COLOR_BUSY=#0000ff 40%\n"
    )
    assert settings.name == "Door # not a comment"
    assert settings.id == "desk"
    assert settings.interval == 5
    assert settings.serial is not None
    assert settings.serial.template == "{r} $\\n"
    assert settings.palette["BUSY"].light == parse_light("#0000ff 40%")


def test_the_environment_wins_over_the_file_unless_it_is_empty() -> None:
    assert _load("BUSYLIGHT_ID=file", ID="environment").id == "environment"
    assert _load("BUSYLIGHT_ID=file", ID="").id == "file"


@given(st.text())
def test_any_file_is_read_or_told_line_by_line(text: str) -> None:
    lines, broken = parse_env_file(text)
    for line in lines:
        assert line.value.isprintable()
    for fault in broken:
        assert 1 <= fault.number <= text.count("\n") + 1


values = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)


@given(st.from_regex(r"[A-Z_][A-Z0-9_]{0,20}", fullmatch=True), values)
def test_a_value_in_quotes_comes_out_as_it_went_in(name: str, value: str) -> None:
    for quote in ("'", '"'):
        assert parse_env_file(f"{name}={quote}{value}{quote}") == ([EnvLine(name, value, 1)], [])


def test_broken_lines_are_told_by_number_together_with_everything_else() -> None:
    faults = _faults(
        "BUSYLIGHT_ID=Desk!\nhello\nexport A=1\n9A=1\nA='\nB=a\x07b\nBUSYLIGHT_INTERVAL=soon"
    )
    text = "\n".join(faults)
    for wanted in ("env:2", "env:3", "env:4", "env:5", "env:6", "env:1: BUSYLIGHT_ID=Desk!"):
        assert wanted in text
    assert "env:7: BUSYLIGHT_INTERVAL=soon is not a number" in text
    assert len(faults) == 7


def test_every_fault_is_told_at_once_with_variable_value_and_an_example() -> None:
    faults = _faults(
        needs_source=True,
        INTERVAL="0.5",
        BRIGHTNESS="bright",
        OUTPUTS="mqtt,serial",
        MQTT_PORT="99999",
        MQTT_TLS="maybe",
        MQTT_CERT_FILE="/nowhere.pem",
        SERIAL_BAUD="fast",
        COLOR_BUSY="rot",
        ON_EXIT="explode",
        GRAPH_TENANT_ID="no spaces",
    )
    text = "\n".join(faults)
    for wanted in (
        "BUSYLIGHT_INTERVAL=0.5 is less than 1 (for example BUSYLIGHT_INTERVAL=5)",
        "BUSYLIGHT_BRIGHTNESS=bright is not a whole number (for example BUSYLIGHT_BRIGHTNESS=60)",
        (
            "BUSYLIGHT_MQTT_HOST is missing: the broker's host name or address "
            "(for example BUSYLIGHT_MQTT_HOST=homeassistant.local)"
        ),
        "BUSYLIGHT_MQTT_PORT=99999 is more than 65535",
        "BUSYLIGHT_MQTT_TLS=maybe is neither true nor false",
        "BUSYLIGHT_SERIAL_BAUD=fast is not a whole number",
        "BUSYLIGHT_COLOR_BUSY=rot has 'rot' as its colour",
        "BUSYLIGHT_ON_EXIT=explode is not off, unknown or keep",
        "BUSYLIGHT_GRAPH_TENANT_ID=no spaces",
        "BUSYLIGHT_GRAPH_CLIENT_ID is missing",
    ):
        assert wanted in text
    assert len(faults) == 10


def test_what_values_have_against_each_other_is_told_too() -> None:
    faults = _faults(
        OUTPUTS="mqtt",
        MQTT_HOST="broker",
        MQTT_CERT_FILE="/nowhere.pem",
        MQTT_PASSWORD="hunter2",
        STALE_AFTER="9",
    )
    text = "\n".join(faults)
    for wanted in (
        "BUSYLIGHT_MQTT_KEY_FILE is missing",
        "BUSYLIGHT_MQTT_TLS must be true",
        "BUSYLIGHT_MQTT_CERT_FILE=/nowhere.pem names no file",
        "BUSYLIGHT_MQTT_USERNAME is missing",
        "BUSYLIGHT_STALE_AFTER=9 is less than 2 x INTERVAL",
    ):
        assert wanted in text
    assert "hunter2" not in text


def test_a_part_that_no_output_names_needs_nothing_but_what_is_given_is_checked() -> None:
    assert _load(MQTT_PORT="1884").mqtt is None
    assert _faults(MQTT_PORT="x") == [
        "BUSYLIGHT_MQTT_PORT=x is not a whole number (for example BUSYLIGHT_MQTT_PORT=1883)"
    ]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("BUSYLIGHT_INTERVALL", "BUSYLIGHT_INTERVAL"),
        ("BUSYLIGHT_MQTT_HOSTNAME", "BUSYLIGHT_MQTT_HOST"),
        ("BUSYLIGHT_MQTT_PASWORD_FILE", "BUSYLIGHT_MQTT_PASSWORD_FILE"),
        ("BUSYLIGHT_COLOR_INACAL", "BUSYLIGHT_COLOR_INACALL"),
        ("BUSYLIGHT_COLOUR_BUSY", "BUSYLIGHT_"),
        ("BUSYLIGHT_mqtt_host", "BUSYLIGHT_MQTT_HOST"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(name: str, near: str) -> None:
    (fault,) = _faults(f"{name}=x")
    assert f"test.env:1: {name} is not a setting" in fault
    assert near in fault


def test_a_name_in_the_environment_is_refused_as_one_in_the_file() -> None:
    (fault,) = _faults(INTERVALL="5")
    assert "did you mean BUSYLIGHT_INTERVAL?" in fault


def test_what_kubernetes_puts_into_the_environment_is_ignored_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = _load(
        SERVICE_HOST="10.0.0.1",
        SERVICE_PORT="80",
        SERVICE_PORT_HTTP="80",
        PORT="tcp://10.0.0.1:80",
        PORT_80_TCP="tcp://10.0.0.1:80",
        PORT_80_TCP_PROTO="tcp",
        MQTT_SERVICE_HOST="10.0.0.1",
        MQTT_PORT="tcp://10.0.0.1:1883",
        MQTT_HOST="broker",
    )
    assert settings.mqtt is not None
    assert settings.mqtt.port_in_force == 1883
    assert "BUSYLIGHT_MQTT_PORT looks like a Kubernetes service's" in caplog.text
    assert _faults("BUSYLIGHT_SERVICE_HOST=10.0.0.1")


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2 \n\n")
    settings = _load(MQTT_HOST="b", MQTT_USERNAME="u", MQTT_PASSWORD_FILE=str(secret))
    assert settings.mqtt is not None
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "hunter2 \n"
    assert "hunter2" not in repr(settings)


def test_a_secret_given_twice_or_in_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("hunter2")
    both = _faults(MQTT_HOST="b", MQTT_USERNAME="u", MQTT_PASSWORD="x", MQTT_PASSWORD_FILE="s")
    assert both == [
        (
            "BUSYLIGHT_MQTT_PASSWORD_FILE is given together with BUSYLIGHT_MQTT_PASSWORD, "
            "and one is enough"
        )
    ]
    (gone,) = _faults(MQTT_HOST="b", MQTT_USERNAME="u", MQTT_PASSWORD_FILE="/no/where")
    assert "BUSYLIGHT_MQTT_PASSWORD_FILE=/no/where names a file that cannot be read" in gone
    (tmp_path / "big").write_bytes(b"x" * 100_000)
    (big,) = _faults(MQTT_HOST="b", MQTT_USERNAME="u", MQTT_PASSWORD_FILE="big")
    assert "too large" in big


def test_a_rule_for_a_state_that_graph_does_not_document_is_taken_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = _load(COLOR_FOCUSING="release", COLOR_OUTSIDE_HOURS="white 10%")
    assert settings.palette["FOCUSING"].light is None
    assert "BUSYLIGHT_COLOR_FOCUSING is for a state" in caplog.text
    assert "OUTSIDE" not in caplog.text


def test_a_rule_that_names_no_state_is_refused() -> None:
    assert "BUSYLIGHT_COLOR_A__B__C=red does not name a state" in _faults(COLOR_A__B__C="red")[0]


def test_the_state_directory_is_where_the_contract_says(tmp_path: Path) -> None:
    home = Path("~").expanduser()
    assert _load(ID="desk").state_dir == home / ".local/state/busylight/desk"
    system = load(None, {"STATE_DIRECTORY": "/run/x:/run/y"}, needs_source=False)
    assert system.state_dir == Path("/run/x/busylight")
    xdg = load(None, {"XDG_STATE_HOME": str(tmp_path)}, needs_source=False)
    assert xdg.state_dir == tmp_path / "busylight/busylight"
    assert xdg.token_cache == xdg.state_dir / "token_cache.json"
    own = _load(STATE_DIR="/srv/light", TOKEN_CACHE="~/tokens.json")
    assert (own.state_dir, own.token_cache) == (Path("/srv/light"), home / "tokens.json")


def test_an_env_file_in_the_working_directory_is_found_by_itself() -> None:
    Path(".env").write_text("BUSYLIGHT_ID=found")
    assert load(None, {}, needs_source=False).id == "found"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "there is no such env file"), (b"\xff\xfe", "is not UTF-8")],
)
def test_an_env_file_that_cannot_be_read_is_told(content: bytes | None, problem: str) -> None:
    path = Path("named.env")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=problem):
        load(path, {})


def test_a_place_that_cannot_be_looked_into_is_told_and_not_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("loop").symlink_to("loop")
    monkeypatch.setattr(variables, "DEFAULT_FILES", (Path(".env"), Path("loop/light.env")))
    with pytest.raises(SettingsError, match=r"loop/light\.env the env file cannot be read"):
        load(None, {})


def test_a_directory_for_an_env_file_is_told() -> None:
    Path("dir.env").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load(Path("dir.env"), {})


def test_a_stale_after_follows_the_interval() -> None:
    assert _load(INTERVAL="30").stale_after == 90
    assert _load(INTERVAL="30", STALE_AFTER="61").stale_after == 61


def test_with_an_interval_of_auto_reading_adapts_to_the_time_zone_that_is_set() -> None:
    settings = _load(INTERVAL="Auto", TIMEZONE="America/New_York", GRAPH_CLIENT_ID=CLIENT)
    assert settings.adaptive == Adaptive(ZoneInfo("America/New_York"))
    assert (settings.interval, settings.stale_after) == (5, 60)
    assert settings.graph is not None
    assert settings.graph.interval == 5
    assert _load(INTERVAL="5").adaptive is None


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"GRAPH_CLOUD": "china"}, "Microsoft offers no presence"),
        ({"GRAPH_CLOUD": "mars"}, "global, usgov, dod"),
        (
            {"GRAPH_WRITE": "true", "GRAPH_USER": GUID},
            "=true is refused with GRAPH_USER:",
        ),
        ({"GRAPH_WRITE": "true", "GRAPH_USERS": GUID}, "is refused with GRAPH_USERS:"),
        (
            {"GRAPH_WRITE": "true", "GRAPH_CLIENT_SECRET": "s", "GRAPH_USER": GUID},
            "is refused with GRAPH_CLIENT_SECRET: as an app",
        ),
        ({"GRAPH_WRITE": "true", "SOURCE": "mqtt"}, "GRAPH_WRITE=true is refused with SOURCE=mqtt"),
        ({"GRAPH_WRITE": "perhaps"}, "GRAPH_WRITE=perhaps"),
        ({"GRAPH_USER": "me"}, "neither an object id"),
        ({"GRAPH_USER": GUID, "GRAPH_USERS": GUID}, "given together with GRAPH_USER"),
        ({"GRAPH_USERS": "@/no/where"}, "cannot be read"),
        ({"GRAPH_CLIENT_SECRET": "s", "GRAPH_TENANT_ID": "contoso.com"}, "a person must be named"),
        ({"GRAPH_CLIENT_SECRET": "s", "GRAPH_USER": GUID}, "must name the tenant"),
        ({"GRAPH_CERTIFICATE_PASSWORD": "s"}, "GRAPH_CERTIFICATE_PASSWORD is of no use"),
        ({"GRAPH_BASE_URL": "http://graph.example.com/v1.0"}, "not an https:// address"),
        ({"GRAPH_BASE_URL": "https://graph.example.com"}, "lacks its path"),
        ({"GRAPH_PROXY": "socks5://u:secret@p"}, "proxy"),
        ({"GRAPH_CA_FILE": "/no/where"}, "names no file"),
        ({"SOURCE": "grpah"}, "did you mean graph?"),
        ({"OUTPUTS": "mqqt"}, "did you mean mqtt?"),
        ({"OUTPUTS": "terminal,terminal"}, "more than once"),
        ({"OUTPUTS": ","}, "names no output"),
        ({"OUTPUTS": "mqtt", "MQTT_HOST": "http://broker"}, "not a host name"),
        ({"OUTPUTS": "mqtt", "MQTT_HOST": "a..b"}, "not a host name"),
        ({"OUTPUTS": "mqtt", "MQTT_HOST": "b", "MQTT_TOPIC": "a/#"}, "may have a-z"),
        ({"OUTPUTS": "serial", "SERIAL_PORT": "COM3"}, "neither auto nor the path of a device"),
        ({"OUTPUTS": "serial", "SERIAL_PROTOCOL": "template"}, "SERIAL_PORT is missing"),
        ({"OUTPUTS": "serial", "SERIAL_PROTOCOL": "template"}, "SERIAL_TEMPLATE is missing"),
        ({"NAME": "a\x07"}, "control character"),
        ({"STALE_AFTER": "inf"}, "is not a number"),
        ({"INTERVAL": "nan"}, "is not a number"),
    ],
)
def test_a_wrong_choice_is_refused_with_its_reason(given: Mapping[str, str], wanted: str) -> None:
    faults = _faults(needs_source=True, **{"GRAPH_CLIENT_ID": CLIENT, **given})
    assert any(wanted in fault for fault in faults)
    assert not any("secret" in fault for fault in faults)


@pytest.mark.parametrize("name", ["colour-blind", "color-blind", "Colourblind", "colour_blind"])
def test_a_palette_is_found_however_it_is_written(name: str) -> None:
    assert _load(PALETTE=name).palette.name == "colour-blind"


def test_writing_is_off_unless_it_is_asked_for_and_for_oneself_it_may_be() -> None:
    for more, wanted in (({}, False), ({"GRAPH_WRITE": "true"}, True)):
        settings = _load(GRAPH_CLIENT_ID=CLIENT, needs_source=True, **more)
        assert settings.graph is not None
        assert settings.graph.write is wanted
    assert _load(GRAPH_CLIENT_ID=CLIENT, GRAPH_WRITE="false", GRAPH_USER=GUID).graph is not None


def test_many_people_may_stand_in_a_file() -> None:
    Path("people").write_text(f"{GUID.upper()}  # Adele\n\nadele@contoso.com\n{GUID}\n")
    settings = _load(GRAPH_CLIENT_ID=CLIENT, GRAPH_USERS="@people", needs_source=True)
    assert settings.graph is not None
    assert settings.graph.users.people == (GUID, "adele@contoso.com")


def test_each_cloud_has_hosts_of_its_own() -> None:
    hosts = {}
    for cloud in ("global", "usgov", "dod"):
        graph = _load(GRAPH_CLIENT_ID=CLIENT, GRAPH_CLOUD=cloud.upper(), needs_source=True).graph
        assert graph is not None
        hosts[cloud] = (graph.base, graph.authority)
    assert hosts == {
        "global": (
            "https://graph.microsoft.com/v1.0",
            "https://login.microsoftonline.com/organizations",
        ),
        "usgov": (
            "https://graph.microsoft.us/v1.0",
            "https://login.microsoftonline.us/organizations",
        ),
        "dod": (
            "https://dod-graph.microsoft.us/v1.0",
            "https://login.microsoftonline.us/organizations",
        ),
    }


@given(
    st.dictionaries(st.sampled_from(["ID", "INTERVAL", "OUTPUTS", "COLOR_BUSY", "NAME"]), st.text())
)
def test_no_value_makes_loading_fail_in_another_way(given: dict[str, str]) -> None:
    environ = {f"BUSYLIGHT_{name}": value for name, value in given.items()}
    try:
        settings = load(None, environ, needs_source=False, needs_outputs=False)
    except SettingsError as error:
        assert all(os.linesep not in str(fault) for fault in error.faults)
    else:
        assert settings.id


def _calendar(*events: str) -> str:
    lines = [f"BEGIN:VEVENT\r\nUID:{n}\r\n{event}\r\nEND:VEVENT" for n, event in enumerate(events)]
    text = "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *lines, "END:VCALENDAR", ""])
    Path("holidays.ics").write_text(text, "utf-8")
    return "holidays.ics"


def test_hours_a_time_zone_and_holidays_become_one() -> None:
    year = datetime.now(UTC).year + 1
    file = _calendar(
        "DTSTART;VALUE=DATE:20150303\r\nRRULE:FREQ=YEARLY",
        f"DTSTART;TZID=Europe/Berlin:{year}0504T120000\r\nDTEND;TZID=Europe/Berlin:{year}0504T150000",
        f"DTSTART;VALUE=DATE:{year}0505\r\nSTATUS:CANCELLED",
    )
    settings = _load(HOURS="8-18", TIMEZONE="Europe/Berlin", HOLIDAYS_FILE=file)
    hours = settings.working_hours
    assert hours is not None

    def outside(text: str) -> bool:
        zone = ZoneInfo("Europe/Berlin")
        return hours.outside(datetime.fromisoformat(f"{year}-{text}").replace(tzinfo=zone))

    assert [outside("03-02T17:59"), outside("03-03T12:00"), outside("03-04T08:00")] == [
        False,
        True,
        False,
    ]
    assert [outside("05-04T11:59"), outside("05-04T12:00"), outside("05-04T15:00")] == [
        False,
        True,
        False,
    ]
    assert not outside("05-05T12:00")


def test_without_hours_it_is_always_working_time() -> None:
    assert _load(TIMEZONE="Europe/Berlin").working_hours is None


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"HOURS": "Mon-Fri"},
            "BUSYLIGHT_HOURS=Mon-Fri lacks the times after the days (for example",
        ),
        ({"HOURS": "Foo 8-9"}, "has 'foo', which is no day"),
        ({"TIMEZONE": "Europe/Berln"}, "is no time zone; did you mean Europe/Berlin?"),
        ({"TIMEZONE": "../../etc/passwd"}, "is no time zone"),
        ({"HOLIDAYS_FILE": "/nowhere.ics"}, "names a file that cannot be read: No such file"),
        ({"HOLIDAYS_FILE": "test.env"}, "names no iCalendar file (.ics) that can be read"),
    ],
)
def test_hours_that_cannot_be_kept_are_faults(given: dict[str, str], problem: str) -> None:
    (fault,) = _faults("BUSYLIGHT_NAME=x\n", needs_source=False, **given)
    assert problem in fault


def test_a_machine_without_time_zones_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoneinfo.ZoneInfo", _raise_not_found)
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    (fault,) = _faults(TIMEZONE="Europe/Berlin")
    assert "install tzdata (apt install tzdata, or pip install tzdata)" in fault


def _raise_not_found(name: str) -> None:
    raise ZoneInfoNotFoundError(name)


def test_a_calendar_without_its_library_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "icalendar", None)
    (fault,) = _faults(HOLIDAYS_FILE=_calendar())
    assert "pip install 'busylight-presence[holidays]'" in fault


def test_what_stands_in_a_file_that_is_no_calendar_is_not_quoted() -> None:
    Path("secret").write_text("hunter2-hunter2\n")
    (fault,) = _faults(HOLIDAYS_FILE="secret")
    assert "hunter2" not in fault


def test_hours_are_in_the_machines_time_zone_unless_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    hours = _load(HOURS="Mon 8-18").working_hours
    assert hours is not None
    assert not hours.outside(datetime(2026, 11, 22, 23, tzinfo=UTC))
    monkeypatch.setenv("TZ", "CET-1CEST")
    assert _load(HOURS="Mon 8-18").working_hours is not None


@pytest.mark.parametrize("written", ["colour-blind", "Color-Blind", "colour_blind"])
def test_a_shipped_palette_is_chosen_by_name_and_rules_go_over_it(written: str) -> None:
    palette = _load(PALETTE=written, COLOR_AWAY="off", COLOR_MESSAGE_DEEP_WORK="blue").palette
    assert palette.name == "colour-blind"
    assert palette["AWAY"].light == parse_light("off")
    assert palette["BUSY"].is_default
    assert not palette["MESSAGE_DEEP_WORK"].is_default


def test_a_palette_of_nobodys_is_a_fault() -> None:
    (fault,) = _faults(PALETTE="rainbow")
    assert "BUSYLIGHT_PALETTE=rainbow is none of default, colour-blind, minimal" in fault
