"""What a stranger reads is true: generated where it can be, checked against the code elsewhere."""

import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from busylight.cli import COMMANDS, main
from busylight.cli.common import Exit
from busylight.core.palette import DEFAULT_RULES
from busylight.demo.day import DAY
from busylight.demo.lookalike import AppCredential
from busylight.settings.envfile import parse_env_file
from busylight.settings.faults import SettingsError
from busylight.settings.load import load
from busylight.settings.tree import BUILT_IN_OTHERS, BUILT_IN_OUTPUTS, BUILT_IN_SOURCES
from firmware_bridge import avr, micropython
from scripts import demo_terminal, draw_pictures, draw_wiring, make_reference
from scripts.states import STATES, State, colour_in_words
from scripts.wiring import BUILDS, Build

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


# -- What is generated ------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(make_reference.files()))
def test_what_is_said_of_settings_and_colours_is_what_the_code_says(path: str) -> None:
    made = make_reference.files()[path]
    assert (ROOT / path).read_text("utf-8") == made, "run python -m scripts.make_reference"


@pytest.mark.parametrize("path", sorted(draw_wiring.files()))
def test_the_wiring_is_drawn_from_its_data_and_told_in_the_guide(path: str) -> None:
    drawn = draw_wiring.files()[path]
    assert (ROOT / path).read_text("utf-8") == drawn, "run python -m scripts.draw_wiring"
    (build,) = [build for build in BUILDS if path.endswith(build.file)]
    guide = (ROOT / "docs" / "build-a-light.md").read_text("utf-8")
    section = guide.partition(f"(pictures/{build.file})")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!from|---)(.*?) \|", section, re.MULTILINE)
    for joint in build.joints:
        assert any(build.pin(joint.use) in row for row in rows), joint


def test_every_setting_of_a_board_is_told_in_the_guide_with_what_is_usual() -> None:
    guide = (ROOT / "docs" / "build-a-light.md").read_text("utf-8")
    table = guide.partition("## Settings of a board\n")[2].partition("\n## ")[0]
    rows = [[cell.strip(" `") for cell in row.split("|")[1:-1]] for row in table.splitlines()]
    told = {name: row[1:3] for row in rows if row for name in re.findall(r"[A-Z_]{3,}", row[0])}
    source = micropython.FILES[micropython.SETTINGS].read_text("utf-8")
    usual = dict(re.findall(r"^([A-Z_]+) = (.*)$", source, re.MULTILINE))
    assert told.keys() == {*usual, *avr.SETTINGS}
    header = (avr.SOURCES / "config.h").read_text("utf-8")
    for name, (python, c) in told.items():
        assert python == usual.get(name, "").strip("'\"(,)")
        if found := re.search(rf"^#define {name} ([0-9]+)\b", header, re.MULTILINE):
            assert c == found[1]


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.file)
def test_no_wire_of_a_drawing_crosses_another(build: Build) -> None:
    paths = re.findall(r'<path d="([^"]*)" class="w"', draw_wiring.picture(build))
    assert len(paths) >= 3
    pieces = [list(pairwise(_corners(path))) for path in paths]
    for one, other in combinations(pieces, 2):
        assert not any(_cross(a, b) for a in one for b in other)


Corner = tuple[float, float]


def _corners(path: str) -> list[Corner]:
    """The corners of a path that has M, H and V alone."""
    (x, y), found = (0.0, 0.0), []
    for letter, numbers in re.findall(r"([MHV])([0-9. ]+)", path):
        given = [float(number) for number in numbers.split()]
        if letter == "M":
            x, y = given
        elif letter == "H":
            (x,) = given
        else:
            (y,) = given
        found.append((x, y))
    return found


def _cross(one: tuple[Corner, Corner], other: tuple[Corner, Corner]) -> bool:
    """Whether two lines along the axes cross; that they touch is a joint."""
    (a, b), (c, d) = sorted(one), sorted(other)
    if (a[0] == b[0]) == (c[0] == d[0]):
        return False
    (up, down), (left, right) = ((a, b), (c, d)) if a[0] == b[0] else ((c, d), (a, b))
    return left[0] < up[0] < right[0] and up[1] < left[1] < down[1]


@pytest.mark.parametrize("path", sorted(draw_pictures.files()))
def test_the_pictures_show_what_the_palette_says(path: str) -> None:
    drawn = draw_pictures.files()[path]
    assert (ROOT / path).read_text("utf-8") == drawn, "run python -m scripts.draw_pictures"


@pytest.mark.parametrize("path", sorted({**draw_pictures.files(), **draw_wiring.files()}))
def test_the_pictures_are_well_formed_named_and_spare_people_motion(path: str) -> None:
    text = (ROOT / path).read_text("utf-8")
    picture = ET.fromstring(text)  # noqa: S314 -- drawn by ourselves
    svg = "{http://www.w3.org/2000/svg}"
    assert picture.find(f"{svg}title") is not None
    used = {use.get("href") for use in picture.iter(f"{svg}use")}
    assert used <= {f"#{element.get('id')}" for element in picture.iter()}
    assert ("animation:" in text) == (path in draw_pictures.files())
    assert "animation:" not in text.partition("@media (prefers-reduced-motion:no-preference)")[0]


def test_every_rule_of_the_palette_is_a_state_that_people_read_of() -> None:
    told = [key for state in STATES for key in state.keys]
    assert sorted(told) == sorted(DEFAULT_RULES)


def test_states_whose_lights_have_come_apart_are_not_told_as_one() -> None:
    state = State("Both", ("AVAILABLE", "BUSY"), "")
    with pytest.raises(ValueError, match="no longer share one light"):
        _ = state.light


def test_the_colours_that_the_readme_names_in_its_promises_are_those_of_the_palette() -> None:
    readme = " ".join(_text(ROOT / "README.md").split())
    lights = {state.title: colour_in_words(state.light) for state in STATES}
    assert "**violet, slowly pulsing**" in readme
    assert lights["Not known"].startswith("violet")
    assert "blinks **white**" in readme
    assert lights["Please sign in"].startswith("white")


def test_the_picture_of_the_demo_has_each_moment_of_the_day() -> None:
    scenes = demo_terminal.scenes()
    assert [scene.step for scene in scenes] == list(DAY)
    assert scenes[0].begins == 0
    assert scenes[-1].ends == pytest.approx(100)
    text = draw_pictures.demo_picture()
    assert all(f"{step.time} {step.availability}/{step.activity} #" in text for step in DAY)


def test_a_readme_without_a_place_for_the_colours_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="one place"):
        make_reference.readme_with_colours("# Busylight\n")


# -- The example of an env file ---------------------------------------------------------------


def _example_groups() -> dict[str, dict[str, str]]:
    """The lines of each group of config.example.env, as if the # in front were taken away."""
    text = (ROOT / "config.example.env").read_text("utf-8")
    uncommented = re.sub(r"^#(?=[A-Z])", "", text, flags=re.MULTILINE)
    lines, broken = parse_env_file(uncommented)
    assert not broken
    groups: dict[str, dict[str, str]] = {}
    for line in lines:
        first = line.name.removeprefix("BUSYLIGHT_").partition("_")[0].lower()
        known = first in {**BUILT_IN_SOURCES, **BUILT_IN_OUTPUTS, "color": None}
        groups.setdefault(first if known else "own", {})[line.name] = line.value
    return groups


def test_the_example_has_a_line_for_every_setting() -> None:
    lines = {name for group in _example_groups().values() for name in group}
    settings = {
        variable.name
        for part in ("", *BUILT_IN_SOURCES, *BUILT_IN_OUTPUTS, *BUILT_IN_OTHERS)
        for variable in make_reference.variables(part)
    }
    settings |= {variable.name for variable in make_reference.look("serial")}
    settings |= {"BUSYLIGHT_SERIAL_COLOR_INACALL"}
    assert lines == settings | {f"BUSYLIGHT_COLOR_{key}" for key in DEFAULT_RULES}


def _file(path: Path, settings: dict[str, str]) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), "utf-8")
    return path


@pytest.mark.parametrize("group", sorted(_example_groups()))
def test_a_group_of_the_example_loads_when_the_marks_are_taken_away(
    group: str, tmp_path: Path
) -> None:
    settings = _example_groups()[group]
    readable = tmp_path / "some.pem"
    readable.write_bytes(AppCredential.mint().pem())
    calendar = tmp_path / "some.ics"
    calendar.write_text("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n")
    for name in settings:
        if name.endswith("_FILE"):  # stands for a file that people have
            settings[name] = str(calendar if "HOLIDAYS" in name else readable)
    # Of these one has to be chosen; and the certificate above has no password.
    for alternative in ("CLIENT_SECRET", "USERS", "CERTIFICATE_PASSWORD", "WRITE"):
        settings.pop(f"BUSYLIGHT_GRAPH_{alternative}", None)
    load(_file(tmp_path / "env", settings), {}, needs_source=False, needs_outputs=False)


def test_a_wrong_name_in_the_example_would_be_found(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a setting"):
        load(_file(tmp_path / "env", {"BUSYLIGHT_SERIAL_PROT": "x"}), {}, needs_source=False)


# -- What is written by hand ------------------------------------------------------------------


def _text(document: Path) -> str:
    return document.read_text("utf-8")


def _code(document: Path) -> Iterator[str]:
    """What stands in fences and between backticks."""
    text = _text(document)
    fence = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
    yield from fence.findall(text)
    yield from re.findall(r"`([^`\n]+)`", fence.sub("", text))


def _anchors(document: Path) -> set[str]:
    """The headings of a document as GitHub turns them into anchors."""
    headings = re.findall(r"^#+ +(.+)$", _text(document), re.MULTILINE)
    plain = (re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in plain}


@each_document
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", _text(document))
    dead = []
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            dead.append(link)
    assert not dead


@each_document
def test_every_command_that_is_named_exists(document: Path) -> None:
    named = {
        command
        for code in _code(document)
        for command in re.findall(r"(?:^|[\s/])busylight +([a-z][a-z-]*)", code)
    }
    assert named <= {*COMMANDS}


@each_document
def test_every_setting_that_is_named_exists(document: Path) -> None:
    known = {
        variable.name
        for part in ("", *BUILT_IN_SOURCES, *BUILT_IN_OUTPUTS, *BUILT_IN_OTHERS)
        for variable in make_reference.variables(part)
    }
    known |= {variable.name for kind in BUILT_IN_OUTPUTS for variable in make_reference.look(kind)}
    known |= {f"{name}_FILE" for name in known}
    # `desk` is what the documents call a second light: its settings are those of its kind.
    text = re.sub(r"\b(BUSYLIGHT_[A-Z]+)_DESK_", r"\1_", _text(document))
    named = set(re.findall(r"\bBUSYLIGHT_[A-Z0-9_]*[A-Z0-9]\b", text))
    assert {name for name in named if not re.match(r"BUSYLIGHT_([A-Z]+_)?COLOR", name)} <= known


def _section(command: str) -> str:
    text = _text(ROOT / "docs" / "commands.md")
    found = re.search(rf"^## {command}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no section on {command}"
    return found[1]


FIRMWARE_ACTIONS = {
    path.stem.removeprefix("firmware_")
    for path in (ROOT / "busylight" / "cli").glob("firmware_*.py")
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_described_with_each_of_its_flags(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    actions = [[], *([action] for action in FIRMWARE_ACTIONS if command == "firmware")]
    for action in actions:
        with pytest.raises(SystemExit) as ended:
            main([command, *action, "--help"])
        assert ended.value.code == 0
    shared = {"--help", "--env-file", "--debug"}
    flags = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out)) - shared
    assert flags == set(re.findall(r"--[a-z][a-z-]*", _usage(command)))


def test_every_action_of_firmware_is_described() -> None:
    assert set(re.findall(r"busylight firmware (\w+)", _usage("firmware"))) == FIRMWARE_ACTIONS


def _usage(command: str) -> str:
    """The first fence of a command's section: how it is called."""
    fence = re.search(r"```sh\n(busylight .*?)\n```", _section(command), re.DOTALL)
    assert fence, f"docs/commands.md does not show how {command} is called"
    assert fence[1].split()[1] == command
    return fence[1]


def test_every_exit_code_is_described() -> None:
    text = _text(ROOT / "docs" / "commands.md")
    table = text.partition("| exit code |")[2].partition("\n\n")[0]
    told = [int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]
    assert told == sorted(Exit)
