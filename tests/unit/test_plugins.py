"""Plugins: found without being imported, checked like ours, named and left alone when broken."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import SecretStr

import busylight.plugins
from busylight.core.light import parse_light
from busylight.settings import installed
from busylight.settings.faults import SettingsError
from busylight.settings.installed import OUTPUTS, SOURCES, PluginError, part_class
from busylight.settings.load import load
from busylight.settings.tree import BUILT_IN_OUTPUTS, BUILT_IN_SOURCES, Settings, secrets_of
from tests.support.paper_lamp import LAMP, SOURCE, install

Install = Callable[..., Path]


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, ModuleType]]:
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield sys.modules
    for name in set(sys.modules) - before:
        if name.startswith("acme"):
            del sys.modules[name]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a plugin, which goes again after the test."""
    place = tmp_path / "site"
    monkeypatch.syspath_prepend(place)

    def put(
        source: str = LAMP,
        module: str = "acme_lamp",
        outputs: dict[str, str] | None = None,
        sources: dict[str, str] | None = None,
    ) -> Path:
        installed._on_path.cache_clear()  # a program looks once, and this one stays
        if outputs is None and sources is None:
            outputs = {"lamp": "Lamp"}
        return install(place, module, textwrap.dedent(source), outputs, sources)

    return put


def _load(*, needs_source: bool = False, **environ: str) -> Settings:
    given = {f"BUSYLIGHT_{name}": value for name, value in environ.items()}
    return load(None, {"HOME": "/home/someone", **given}, needs_source=needs_source)


def _faults(*, needs_source: bool = False, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        _load(needs_source=needs_source, **environ)
    return [str(fault) for fault in caught.value.faults]


def test_the_settings_of_a_plugin_are_read_like_ours(put: Install, tmp_path: Path) -> None:
    put()
    secret = tmp_path / "secret"
    secret.write_text("hush\n", "utf-8")
    settings = _load(
        OUTPUTS="lamp,lamp:desk,terminal",
        LAMP_FILE="/tmp/a",  # noqa: S108 -- never opened
        LAMP_TOKEN_FILE=str(secret),
        LAMP_BRIGHTNESS="20",
        LAMP_DESK_FILE="/tmp/b",  # noqa: S108 -- never opened
        LAMP_DESK_COLOR_BUSY="blue",
    )
    one, other = settings.part("lamp"), settings.part("lamp:desk")
    assert one is not None
    assert other is not None
    assert one.model_dump() == {
        "file": Path("/tmp/a"),  # noqa: S108 -- never opened
        "token": SecretStr("hush"),
        "watts": 5,
    }
    assert str(other.model_dump()["file"]) == "/tmp/b"  # noqa: S108 -- never opened
    assert other.model_dump()["token"] == SecretStr("hush")
    assert secrets_of(settings) == ["hush", "hush"]
    assert settings.appearances["lamp"].brightness == 20
    palette = settings.appearances["lamp:desk"].palette
    assert palette is not None
    assert palette["BUSY"].light == parse_light("blue")


def test_every_fault_of_a_plugins_settings_is_told_at_once_and_no_secret(put: Install) -> None:
    put()
    faults = _faults(
        OUTPUTS="lamp,lamp:watts",
        LAMP_WATTS="many",
        LAMP_TOKEM="sesame",
        LAMP_COLOR_BUSY="rot",
        INTERVAL="soon",
    )
    assert faults == [
        (
            "BUSYLIGHT_OUTPUTS=lamp,lamp:watts names 'lamp:watts', but settings of lamp begin with "
            "WATTS: take another name, such as lamp:desk"
        ),
        "BUSYLIGHT_LAMP_TOKEM is not a setting; did you mean BUSYLIGHT_LAMP_TOKEN?",
        (
            "BUSYLIGHT_LAMP_FILE is missing: where the lamp is (for example "
            "BUSYLIGHT_LAMP_FILE=/tmp/lamp)"
        ),
        "BUSYLIGHT_LAMP_WATTS=many is not a whole number (for example BUSYLIGHT_LAMP_WATTS=5)",
        *faults[4:],
    ]
    told = " ".join(faults)
    assert "BUSYLIGHT_LAMP_COLOR_BUSY=rot has 'rot' as its colour" in told
    assert "BUSYLIGHT_INTERVAL=soon is not a number" in told
    assert "sesame" not in told


def test_what_a_plugins_settings_have_against_each_other_is_told(put: Install) -> None:
    put()
    (fault,) = _faults(OUTPUTS="lamp", LAMP_FILE="/a", LAMP_WATTS="10")
    assert fault.startswith("BUSYLIGHT_LAMP_TOKEN is missing: so many watts need it")


def test_a_plugin_that_nobody_names_is_not_imported_and_its_settings_are_let_be(
    put: Install,
) -> None:
    put("raise SystemExit('never import me')")
    assert _load(LAMP_ANYTHING="x").outputs == ("terminal",)
    assert "acme_lamp" not in sys.modules


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import acme_nothing", ("cannot be imported: ModuleNotFoundError: No module named "
         "'acme_nothing'; install what it needs (acme_nothing) into the same environment")),
        ("1/0", ("cannot be imported: ZeroDivisionError: division by zero; upgrade or mend "
         "acme-lamp, or take lamp out of the settings")),
        ("raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
        ("x = 1", "cannot be imported: AttributeError"),
        ("Lamp = 3", "3 is no class"),
        ("class Lamp: api_version = 2", ("Lamp is written for version 2 of the plugin interface, "
         "and this Busylight has 1: upgrade busylight-presence")),
        ("class Lamp: api_version = 'new'", "Lamp.api_version is 'new', and not a number"),
        ("class Lamp: pass", "Lamp has no Settings that is a pydantic model"),
        ("""
         from busylight.plugins import Branch
         class Lamp: Settings = Branch
         """, "Lamp has no __aenter__, __aexit__, show"),
        ("""
         from busylight.plugins import Branch
         class Lamp:
             class Settings(Branch):
                 brightness: int = 3
                 color_wheel: int = 3
             async def __aenter__(self): ...
             async def __aexit__(self, *_): ...
             async def show(self, view): ...
         """, "Lamp.Settings has brightness, color_wheel, which every output has already"),
    ],
)  # fmt: skip
def test_a_broken_output_is_named_and_the_others_are_not_kept_from_working(
    put: Install, source: str, problem: str
) -> None:
    put(source)
    settings = _load(OUTPUTS="terminal,lamp,lamp:desk", LAMP_FILE="x")
    assert settings.broken.keys() == {"lamp", "lamp:desk"}
    assert settings.broken["lamp"].startswith("acme-lamp 2.3")
    assert problem in settings.broken["lamp"]


def test_an_import_that_hangs_is_given_up(
    put: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(installed, "IMPORT_LIMIT", 0.1)
    (tmp_path / "fifo").touch()
    put(f"""
        import pathlib, time
        while pathlib.Path({str(tmp_path / "fifo")!r}).exists():
            time.sleep(0.01)
    """)
    broken = _load(OUTPUTS="lamp").broken
    (tmp_path / "fifo").unlink()
    assert broken == {"lamp": "acme-lamp 2.3: its import takes longer than 0.1 s"}


def test_without_its_source_the_program_does_not_start(put: Install) -> None:
    put("1/0", sources={"lamp": "Lamp"})
    (fault,) = _faults(needs_source=True, SOURCE="lamp")
    assert fault.startswith("BUSYLIGHT_SOURCE=lamp names 'lamp', which cannot be used: acme-lamp")


def test_the_settings_of_a_source_are_read_like_ours(put: Install) -> None:
    put(SOURCE, sources={"clock": "Clock"})
    settings = _load(needs_source=True, SOURCE="clock", CLOCK_ACTIVITY="InACall")
    branch = settings.part("clock")
    assert branch is not None
    assert branch.model_dump() == {"activity": "InACall"}
    (fault,) = _faults(needs_source=True, SOURCE="clock", CLOCK_ACTIVTY="InACall")
    assert "did you mean BUSYLIGHT_CLOCK_ACTIVITY?" in fault


@pytest.mark.parametrize("name", ["mqtt", "graph", "color", "log-book", "state_of_things", "Lamp"])
def test_a_name_that_would_be_mistaken_for_ours_is_refused(put: Install, name: str) -> None:
    put(outputs={name: "Lamp"})
    (found,) = [part for part in installed.installed() if not part.is_built_in]
    assert found.refusal is not None
    assert name not in [part.name for part in installed.plugins(OUTPUTS)]
    if name == "mqtt":
        assert part_class(OUTPUTS, name).__module__ == "busylight.outputs.mqtt.output"


def test_a_name_that_two_packages_bring_is_refused_with_both(put: Install) -> None:
    put()
    put(module="acme_other")
    (fault,) = _faults(OUTPUTS="lamp")
    assert "which is not installed" in fault
    with pytest.raises(PluginError, match="by acme-lamp and acme-other: uninstall one of them"):
        part_class(OUTPUTS, "lamp")


def test_our_own_parts_are_registered_as_everybody_elses() -> None:
    own = [part for part in installed.installed() if part.is_built_in]
    assert {part.name for part in own if part.group == OUTPUTS} == {*BUILT_IN_OUTPUTS}
    assert {part.name for part in own if part.group == SOURCES} == {*BUILT_IN_SOURCES}
    for part in own:
        assert installed.loaded(part).Settings in {
            *BUILT_IN_OUTPUTS.values(),
            *BUILT_IN_SOURCES.values(),
        }


def test_the_public_face_has_what_it_names_and_the_document_tells_all_of_it() -> None:
    document = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8")
    for name in busylight.plugins.__all__:
        assert hasattr(busylight.plugins, name)
        assert f"`{name}`" in document
    assert busylight.plugins.API_VERSION == 1


def test_what_is_installed_is_looked_for_once(
    put: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    put()
    looks = []

    def counted(**names: str) -> object:
        looks.append(names)
        return entry_points(**names)

    monkeypatch.setattr(installed, "entry_points", counted)
    assert [part.name for part in installed.plugins(OUTPUTS)] == ["lamp"]
    assert installed.known(SOURCES) == ["graph", "mqtt"]
    assert part_class(OUTPUTS, "terminal")
    assert looks == [{}]
