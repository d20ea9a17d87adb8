"""Settings that were renamed: nobody's light stops because of an update."""

import logging
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.settings import variables
from busylight.settings.faults import SettingsError
from busylight.settings.load import load
from busylight.settings.renamed import RENAMED, Renamed, overdue, with_new_names
from busylight.settings.tree import OWN_FIELDS

ON = date(2026, 12, 1)
TABLE = (
    Renamed("POLL_SECONDS", "INTERVAL", ON),
    Renamed("MQTT_SECRET", "MQTT_PASSWORD", ON),
    Renamed("SERIAL_SPEED", "SERIAL_BAUD", ON),
)
"""An example: none of these names was ever ours."""
MINIMUM = (
    "BUSYLIGHT_GRAPH_CLIENT_ID=11111111-2222-3333-4444-555555555555\n"
    "BUSYLIGHT_OUTPUTS=mqtt,serial:desk\n"
    "BUSYLIGHT_MQTT_HOST=localhost\n"
    "BUSYLIGHT_MQTT_USERNAME=light\n"
)


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(variables, "RENAMED", TABLE)
    return tmp_path / "light.env"


def test_an_old_name_works_and_is_told_with_the_new_one(
    env_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    env_file.write_text(f"{MINIMUM}BUSYLIGHT_POLL_SECONDS=7\n")
    with caplog.at_level(logging.WARNING):
        assert load(env_file, {}).interval == 7
    (told,) = caplog.messages
    assert told == (
        f"BUSYLIGHT_POLL_SECONDS ({env_file}:5) is called BUSYLIGHT_INTERVAL since 2026-12-01: "
        "rename it, the old name works until 2027-12-02"
    )


def test_a_fault_is_told_by_the_new_name_and_the_old_place(env_file: Path) -> None:
    env_file.write_text(f"{MINIMUM}BUSYLIGHT_POLL_SECONDS=soon\n")
    with pytest.raises(SettingsError) as caught:
        load(env_file, {})
    assert str(caught.value).startswith(f"{env_file}:5: BUSYLIGHT_INTERVAL=soon is not a number")


def test_a_secret_and_the_file_that_holds_one_are_renamed_and_not_shown(
    env_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held = tmp_path / "secret"
    held.write_text("correct-horse\n")
    env_file.write_text(MINIMUM)
    for name, value in (("MQTT_SECRET", "correct-horse"), ("MQTT_SECRET_FILE", str(held))):
        mqtt = load(env_file, {f"BUSYLIGHT_{name}": value}).mqtt
        assert mqtt is not None
        assert mqtt.password is not None
        assert mqtt.password.get_secret_value() == "correct-horse"
    assert "correct-horse" not in caplog.text
    assert "BUSYLIGHT_MQTT_SECRET_FILE (in the environment)" in caplog.text


def test_several_outputs_of_one_kind_are_renamed_too(env_file: Path) -> None:
    env_file.write_text(f"{MINIMUM}BUSYLIGHT_SERIAL_DESK_SPEED=9600\n")
    assert getattr(load(env_file, {}).parts["serial:desk"], "baud", None) == 9600


def test_beside_its_new_name_an_old_one_counts_for_nothing(env_file: Path) -> None:
    env_file.write_text(f"{MINIMUM}BUSYLIGHT_POLL_SECONDS=7\nBUSYLIGHT_INTERVAL=9\n")
    assert load(env_file, {}).interval == 9


names = st.sampled_from(["POLL_SECONDS", "INTERVAL", "MQTT_SECRET", "NAME", "SERIAL_DESK_SPEED"])


@given(st.dictionaries(names, st.text()))
def test_nothing_is_lost_but_what_is_given_twice(given_: dict[str, str]) -> None:
    values, replaced = with_new_names(given_, TABLE, ["serial:desk", "serial"])
    assert not values.keys() & {one.old for one in TABLE}
    for name, value in given_.items():
        new = replaced[name][0] if name in replaced else name
        assert values[new] == given_.get(new, value)
    assert len(values) >= len(given_) - len(replaced)


def test_after_a_year_a_release_drops_it_and_no_day_sooner() -> None:
    assert overdue(TABLE, TABLE[0].until) == []
    assert TABLE[0].until >= ON.replace(year=ON.year + 1)
    assert overdue(TABLE, TABLE[0].until + timedelta(days=1)) == [one.old for one in TABLE]


def test_whatever_is_in_the_products_own_table_leads_to_a_setting_of_today() -> None:
    known = {name.upper() for name in OWN_FIELDS}
    for one in RENAMED:
        assert one.old not in known
        assert one.new in known or "_" in one.new
        assert one.new not in {each.old for each in RENAMED}, "a chain is two entries to one name"
