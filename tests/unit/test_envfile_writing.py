"""What is written into an env file is what is read from it, and the rest of it stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.settings.envfile import EnvLine, parse_env_file, updated

names = st.from_regex(r"BUSYLIGHT_[A-Z]{1,6}", fullmatch=True)
values = st.text(min_size=1).filter(str.isprintable)
tricky = st.sampled_from(
    ["'", '"', "''", '"a', 'a"', " a ", "#a", "a # b", "\\n", "$X", "=", "a=b"]
)
old_lines = st.one_of(
    st.just(""),
    st.from_regex(r"# ?[a-z =]{0,12}", fullmatch=True),
    st.builds("{}={}".format, names, st.from_regex(r"[a-z0-9 ]{0,8}", fullmatch=True)),
    st.builds("#{}={}".format, names, st.from_regex(r"[a-z0-9]{0,8}", fullmatch=True)),
    st.from_regex(r"OTHER_[A-Z]{1,4}=[a-z]{1,4}", fullmatch=True),
)
files = st.builds(
    lambda lines, end: end.join(lines),
    st.lists(old_lines, max_size=12),
    st.sampled_from("\n\r") | st.just("\r\n"),
).map(lambda text: text.replace("\r", "\r\n").replace("\n\n", "\n"))


def read(text: str) -> dict[str, str]:
    lines, broken = parse_env_file(text)
    assert not broken
    return {line.name: line.value for line in lines if line.value}


@given(files, st.dictionaries(names, values | tricky))
def test_whatever_is_written_is_read_the_same_and_nothing_else_changes(
    before: str, wanted: dict[str, str]
) -> None:
    after = updated(before, wanted)
    assert read(after) == read(before) | wanted


@given(files, st.dictionaries(names, values | tricky))
def test_no_comment_is_lost_and_none_changes_its_place_among_the_others(
    before: str, wanted: dict[str, str]
) -> None:
    def comments(text: str) -> list[str]:
        return [line.strip() for line in text.split("\n") if line.strip().startswith("#")]

    assert comments(updated(before, wanted)) == comments(before)


@given(files, st.dictionaries(names, values | tricky))
def test_writing_again_changes_nothing(before: str, wanted: dict[str, str]) -> None:
    after = updated(before, wanted)
    assert updated(after, wanted) == after


@given(files, st.dictionaries(names, values | tricky))
def test_what_is_taken_out_is_not_there_any_more(before: str, wanted: dict[str, str]) -> None:
    after = updated(updated(before, wanted), dict.fromkeys(wanted))
    assert read(after) == {
        name: value for name, value in read(before).items() if name not in wanted
    }


def test_a_setting_stands_where_it_stood_and_a_new_one_below_its_example() -> None:
    before = "# mine\nBUSYLIGHT_A=1\n#BUSYLIGHT_B=2\nOTHER=x\n"
    after = updated(before, {"BUSYLIGHT_A": "3", "BUSYLIGHT_B": "4", "BUSYLIGHT_C": "5"})
    assert after == (
        "# mine\nBUSYLIGHT_A=3\n#BUSYLIGHT_B=2\nBUSYLIGHT_B=4\nOTHER=x\nBUSYLIGHT_C=5\n"
    )


def test_a_file_with_windows_line_ends_keeps_them() -> None:
    before = "# mine\r\nBUSYLIGHT_A=1\r\n"
    assert updated(before, {"BUSYLIGHT_A": "3"}) == "# mine\r\nBUSYLIGHT_A=3\r\n"


def test_of_a_setting_that_stands_there_twice_one_is_left() -> None:
    assert updated("BUSYLIGHT_A=1\nBUSYLIGHT_A=2\n", {"BUSYLIGHT_A": "3"}) == "BUSYLIGHT_A=3\n"


@pytest.mark.parametrize("value", ["", "a\nB=c", "\x00", "\ud800"])
def test_a_value_that_no_file_can_hold_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="BUSYLIGHT_A"):
        updated("", {"BUSYLIGHT_A": value})


def test_a_value_with_a_quote_is_read_as_it_was_given() -> None:
    (line,), _ = parse_env_file(updated("", {"BUSYLIGHT_A": '"quoted"'}))
    assert line == EnvLine("BUSYLIGHT_A", '"quoted"', 1)
