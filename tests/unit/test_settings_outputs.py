"""Several outputs of one kind, and what every output knows."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from busylight.core.appearance import Appearance
from busylight.core.light import parse_light, reordered
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.serial.settings import SerialSettings
from busylight.settings.faults import SettingsError
from busylight.settings.load import load
from busylight.settings.tree import BUILT_IN_OUTPUTS, Settings, secrets_of


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _load(**environ: str) -> Settings:
    given = {f"BUSYLIGHT_{name}": value for name, value in environ.items()}
    return load(None, {"HOME": "/home/someone", **given}, needs_source=False)


def _faults(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        _load(**environ)
    return [str(fault) for fault in caught.value.faults]


def _serial(settings: Settings, name: str) -> SerialSettings:
    branch = settings.part(name)
    assert isinstance(branch, SerialSettings)
    return branch


def test_a_second_one_of_a_kind_inherits_what_is_not_its_own() -> None:
    settings = _load(
        OUTPUTS="serial, Serial:Desk",
        SERIAL_PORT="/dev/ttyUSB0",
        SERIAL_BAUD="9600",
        SERIAL_DESK_PORT="/dev/ttyUSB1",
    )
    assert settings.outputs == ("serial", "serial:desk")
    one, other = _serial(settings, "serial"), _serial(settings, "serial:desk")
    assert (one.port, one.baud) == ("/dev/ttyUSB0", 9600)
    assert (other.port, other.baud) == ("/dev/ttyUSB1", 9600)


def test_the_first_of_a_kind_may_be_nothing_but_the_pattern_of_the_others() -> None:
    settings = _load(
        OUTPUTS="serial:door,serial:desk",
        SERIAL_PROTOCOL="template",
        SERIAL_TEMPLATE="{hex}",
        SERIAL_DOOR_PORT="/dev/ttyUSB0",
        SERIAL_DESK_PORT="/dev/ttyUSB1",
    )
    assert _serial(settings, "serial:desk").template == "{hex}"


def test_a_second_broker_has_secrets_of_its_own_and_nothing_is_remembered_of_it(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wx-9\n", "utf-8")
    settings = _load(
        OUTPUTS="mqtt,mqtt:office",
        MQTT_HOST="home",
        MQTT_OFFICE_HOST="office",
        MQTT_OFFICE_USERNAME="me",
        MQTT_OFFICE_PASSWORD_FILE=str(secret),
    )
    office = settings.part("mqtt:office")
    assert isinstance(office, MqttSettings)
    assert settings.mqtt is not None
    assert (settings.mqtt.host, settings.mqtt.password, office.host) == ("home", None, "office")
    assert office.state_dir is None  # the card has one place, and it is the first broker's
    assert settings.mqtt.state_dir is not None
    assert secrets_of(settings) == ["wx-9"]


def test_each_header_of_a_webhook_is_a_secret_by_itself() -> None:
    headers = '{"X-Api-Key":"s3cr3t-horse","X-Version":"1"}'
    settings = _load(OUTPUTS="webhook", WEBHOOK_URL="https://h/x", WEBHOOK_HEADERS=headers)
    assert secrets_of(settings) == ["https://h/x", headers, "s3cr3t-horse"]


class _Nested(BaseModel):
    more: dict[str, list[SecretStr]]
    pair: tuple[SecretStr, int]
    model: BaseModel


class _Inner(BaseModel):
    deep: SecretStr


def test_secrets_in_a_plugins_containers_are_found() -> None:
    branch = _Nested(
        more={"a": [SecretStr("one"), SecretStr("two")]},
        pair=(SecretStr("three"), 7),
        model=_Inner(deep=SecretStr("[" * 10_000)),
    )
    settings = _load(OUTPUTS="terminal").model_copy(update={"parts": {"lamp": branch}})
    assert secrets_of(settings) == ["one", "two", "three", "[" * 10_000]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("HEADERS", '{"X-Api-Key":"s3cr3t-horse "}', "has a blank at an end"),
        ("HEADERS", '{"X-Api-Key":" s3cr3t-horse"}', "has a blank at an end"),
        ("HEADERS", '{"X-Api-Key":"s3cr3t\\nhorse"}', "has a character"),
        ("HEADERS", '{"X-Api-Key":"s3cr3t-hörse"}', "has a character"),
        ("HEADERS", '{"X Api Key":"s3cr3t-horse"}', "has a name"),
        ("HEADERS", '{"":"s3cr3t-horse"}', "has a name"),
        ("HEADERS", '{"X-Api-Key:":"s3cr3t-horse"}', "has a name"),
        ("HEADERS", '{"X-Api-Key":7}', "is no JSON object"),
        ("HEADERS", "s3cr3t-horse", "is no JSON object"),
        ("TOKEN", "s3cr3t-horse\x7f", "has a character"),
    ],
)
def test_what_no_header_can_be_is_refused_without_the_secret(
    name: str, value: str, problem: str
) -> None:
    given = {"OUTPUTS": "webhook", "WEBHOOK_URL": "https://h/x", f"WEBHOOK_{name}": value}
    (fault,) = _faults(**given)
    assert f"BUSYLIGHT_WEBHOOK_{name} (value not shown) {problem}" in fault
    assert "s3cr3t" not in fault


def test_every_output_knows_a_brightness_a_palette_and_an_order_of_colours() -> None:
    settings = _load(
        OUTPUTS="terminal,serial,serial:desk",
        COLOR_AWAY="green",
        SERIAL_BRIGHTNESS="40",
        SERIAL_COLOR_BUSY="blue",
        SERIAL_COLOR_ORDER="GRB",
        SERIAL_DESK_PORT="/dev/ttyUSB1",
        SERIAL_DESK_BRIGHTNESS="30",
        SERIAL_DESK_COLOR_BUSY__INAMEETING="release",
        TERMINAL_COLOR_BUSY="white",
    )
    assert settings.palette["BUSY"].is_default
    assert settings.appearances.keys() == {"terminal", "serial", "serial:desk"}
    serial, desk = settings.appearances["serial"], settings.appearances["serial:desk"]
    assert (serial.brightness, serial.color_order) == (40, "grb")
    assert (desk.brightness, desk.color_order) == (30, "grb")
    assert serial.palette is not None
    assert desk.palette is not None
    for palette in (serial.palette, desk.palette):
        assert palette["BUSY"].light == parse_light("blue")
        assert palette["AWAY"].light == parse_light("green")
    assert desk.palette["BUSY__INAMEETING"].light is None
    assert "BUSY__INAMEETING" not in serial.palette
    terminal = settings.appearances["terminal"].palette
    assert terminal is not None
    assert terminal["BUSY"].light == parse_light("white")


def test_an_output_of_which_nothing_is_set_looks_as_all_do() -> None:
    assert _load().appearances == {"terminal": Appearance()}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"OUTPUTS": "serial:port"}, ("BUSYLIGHT_OUTPUTS=serial:port names 'serial:port', but "
         "settings of serial begin with PORT: take another name, such as serial:desk")),
        ({"OUTPUTS": "serial:color"}, "settings of serial begin with COLOR"),
        ({"OUTPUTS": "serial:brightness"}, "settings of serial begin with BRIGHTNESS"),
        ({"OUTPUTS": "mqtt:client", "MQTT_HOST": "a"}, "settings of mqtt begin with CLIENT"),
        ({"OUTPUTS": "serial:2"}, "begins with a letter and has nothing but a-z and 0-9"),
        ({"OUTPUTS": "serial:"}, "begins with a letter and has nothing but a-z and 0-9"),
        ({"OUTPUTS": "cereal:desk"}, "is not installed; did you mean serial"),
        ({"OUTPUTS": "serial,serial:desk"}, ("names serial:desk, which is set to the same as serial"
         "; set BUSYLIGHT_SERIAL_DESK_PORT, say")),
        ({"OUTPUTS": "terminal,terminal:two"}, "terminal can be had once only"),
        ({"OUTPUTS": "serial:desk,serial:desk"}, "names serial:desk more than once"),
        ({"OUTPUTS": "serial:desk", "SERIAL_DESK_PROT": "x"},
         "BUSYLIGHT_SERIAL_DESK_PROT is not a setting; did you mean BUSYLIGHT_SERIAL_DESK_PORT?"),
        ({"SERIAL_DESK_PORT": "/dev/ttyUSB0"}, "BUSYLIGHT_SERIAL_DESK_PORT is not a setting"),
        ({"OUTPUTS": "serial:desk", "SERIAL_DESK_BAUD": "many"},
         ("BUSYLIGHT_SERIAL_DESK_BAUD=many is not a whole number (for example "
         "BUSYLIGHT_SERIAL_DESK_BAUD=115200)")),
        ({"OUTPUTS": "serial:desk", "SERIAL_DESK_PORT": "/dev/x", "SERIAL_PROTOCOL": "template"},
         "BUSYLIGHT_SERIAL_DESK_TEMPLATE is missing: SERIAL_PROTOCOL=template writes it"),
        ({"SERIAL_BRIGHTNESS": "0"}, ("BUSYLIGHT_SERIAL_BRIGHTNESS=0 is less than 1 "
         "(for example BUSYLIGHT_SERIAL_BRIGHTNESS=40)")),
        ({"SERIAL_COLOR_ORDER": "rgbw"}, ("BUSYLIGHT_SERIAL_COLOR_ORDER=rgbw is not an order of r, "
         "g and b (for example BUSYLIGHT_SERIAL_COLOR_ORDER=grb)")),
        ({"COLOR_ORDER": "grb"}, ("BUSYLIGHT_COLOR_ORDER is not a setting: the order is one "
         "output's, as in BUSYLIGHT_SERIAL_COLOR_ORDER")),
        ({"MQTT_COLOR_BUSSY": "red"}, ("BUSYLIGHT_MQTT_COLOR_BUSSY is not a setting; did you mean "
         "BUSYLIGHT_MQTT_COLOR_BUSY?")),
        ({"OUTPUTS": "serial:desk", "SERIAL_DESK_COLOR_BUSY": "rot"},
         "BUSYLIGHT_SERIAL_DESK_COLOR_BUSY=rot has 'rot' as its colour"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_one_of_several_is_told_with_its_own_name(
    given: dict[str, str], wanted: str
) -> None:
    (fault,) = _faults(**given)
    assert wanted in fault


def test_a_value_of_the_kind_that_is_wrong_is_told_once_and_not_for_each_that_has_it() -> None:
    (fault,) = _faults(
        OUTPUTS="serial,serial:desk", SERIAL_DESK_PORT="/dev/ttyUSB1", SERIAL_BAUD="many"
    )
    assert fault.startswith("BUSYLIGHT_SERIAL_BAUD=many is not a whole number")


@given(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), st.sampled_from(["mqtt", "serial"]))
def test_whatever_an_output_is_called_its_variables_are_nobody_elses(name: str, kind: str) -> None:
    own = {"mqtt": "HOST", "serial": "PORT"}[kind]
    prefix = f"BUSYLIGHT_{kind.upper()}_{name.upper()}_"
    environ = {
        "HOME": "/",
        "BUSYLIGHT_OUTPUTS": f"{kind}:{name}",
        f"{prefix}{own}": "/dev/a",
        f"{prefix}COLOR_BUSY": "blue",
    }
    if kind == "mqtt":
        environ[f"{prefix}HOST"] = "a"
    try:
        settings = load(None, environ, needs_source=False)
    except SettingsError as error:
        told = " ".join(str(fault) for fault in error.faults)
        words = {field.split("_")[0] for field in BUILT_IN_OUTPUTS[kind].model_fields}
        assert name in words | {"color", "brightness", "source"}
        assert f"settings of {kind} begin with {name.upper()}" in told
    else:
        assert settings.part(f"{kind}:{name}") is not None
        assert settings.part(kind) is None or settings.part(kind) != settings.part(f"{kind}:{name}")
        assert settings.appearances[f"{kind}:{name}"].palette is not None


@given(st.text(alphabet="abcdefghij:,", max_size=20), st.text(max_size=8), st.text(max_size=8))
def test_no_list_of_outputs_and_no_look_makes_loading_fail_in_another_way(
    outputs: str, order: str, brightness: str
) -> None:
    environ = {
        "HOME": "/",
        "BUSYLIGHT_OUTPUTS": f"serial:{outputs}",
        "BUSYLIGHT_SERIAL_COLOR_ORDER": order,
        "BUSYLIGHT_SERIAL_BRIGHTNESS": brightness,
    }
    try:
        settings = load(None, environ, needs_source=False)
    except SettingsError as error:
        assert error.faults
    else:
        assert all(re.fullmatch(r"serial:[a-z][a-z0-9]*", name) for name in settings.outputs)


@given(st.permutations("rgb"))
def test_a_lamp_gets_each_channel_where_it_looks_for_it(order: list[str]) -> None:
    light = parse_light("#010203")
    assert light is not None
    sent = reordered(light, "".join(order)).rgb
    # What such a lamp makes of it: the first value is the channel that its order names first.
    seen = dict(zip(order, sent, strict=True))
    assert (seen["r"], seen["g"], seen["b"]) == (1, 2, 3)
