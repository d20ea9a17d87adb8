"""What a person does on the page of the running program, in a real browser."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from busylight.demo.lookalike import ADELE, Lookalike
from tests.support.browser import PATIENCE_MS
from tests.support.program import Home, Program
from tests.support.web import PASSWORD

expect.set_options(timeout=PATIENCE_MS)

_CONNECTED = {"state": "connected"}


def _open(page: Page, home: Home, program: Program) -> None:
    program.reports(lambda found: found["diagnostics"]["outputs"].get("web") == _CONNECTED)
    page.goto(f"http://{home.settings['WEB_LISTEN']}/")


def _title(page: Page, text: str) -> None:
    expect(page.locator("h1")).to_have_text(text)


def test_somebody_who_is_signed_out_signs_in_without_the_terminal(
    page: Page, tmp_path: Path, home: Home, lookalike: Lookalike
) -> None:
    place = Home(tmp_path / "signed-out").with_graph(lookalike, signed_in=False)
    place.settings["WEB_LISTEN"] = home.settings["WEB_LISTEN"]
    lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall")
    with place.start() as program:
        program.shows("signin")
        program.reports(lambda report: report["sign_in"])
        _open(page, place, program)
        _title(page, "Please sign in")
        card = page.get_by_role("region", name="Sign in to Microsoft")
        expect(card.get_by_role("link")).to_have_attribute("href", _address(program))
        expect(card.get_by_role("img", name="QR code")).to_be_visible()
        code = card.locator(".code").inner_text()
        lookalike.entra.approve(code, ADELE)
        _title(page, "In a call")
        expect(card).to_have_count(0)


def _address(program: Program) -> str:
    report = program.report()
    assert report is not None
    return str(report["sign_in"]["url"])


def test_the_light_is_shown_as_it_changes(page: Page, home: Home, lookalike: Lookalike) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Available", "Available")
    with home.start() as program:
        program.shows("available")
        _open(page, home, program)
        _title(page, "Available")
        lamp = page.locator(".lamp")
        expect(lamp).to_have_attribute("aria-label", "Green")
        assert _animation(page) == "none"
        lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall")
        _title(page, "In a call")
        expect(page.locator(".lead")).to_contain_text("Busy · In a call, since")
        expect(page.locator("#heard")).to_contain_text("In a call")
        assert (_animation(page), _period(page)) == ("pulse", "1.2s")
        lookalike.graph.set_presence(ADELE.object_id, "DoNotDisturb", "DoNotDisturb")
        _title(page, "Do not disturb")
        assert (_animation(page), _period(page)) == ("breathe", "6s")
        expect(page).to_have_title("Do not disturb · Busy light")
        words = page.locator("#part-day details")
        words.locator("summary").click()
        expect(words.locator("li").first).to_contain_text("Do not disturb")


def _animation(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.querySelector('.beam')).animationName"))


def _period(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.querySelector('.beam')).animationDuration"))


def test_do_not_disturb_for_25_minutes_and_back(
    page: Page, home: Home, lookalike: Lookalike
) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Available", "Available")
    with home.start() as program:
        program.shows("available")
        _open(page, home, program)
        again = page.get_by_role("button", name="Follow Teams again")
        expect(again).to_be_hidden()
        page.get_by_role("button", name="Do not disturb").click()
        _title(page, "Do not disturb")
        expect(page.locator("#said")).to_have_text("The light is set.")
        expect(page.locator(".lead")).to_contain_text("Teams says: Available")
        override = program.shows("donotdisturb")["override"]
        assert override["mode"] == "do_not_disturb"
        assert override["ends_at"] is not None
        page.get_by_label("Another time").fill("3h")
        page.get_by_role("button", name="Away").click()
        _title(page, "Away")
        page.get_by_label("Another time").fill("soon")
        page.get_by_role("button", name="Busy", exact=True).click()
        expect(page.locator("#said")).to_contain_text("The time is not one like 25m")
        again.click()
        _title(page, "Available")
        expect(again).to_be_hidden()
        assert program.shows("available")["override"] is None


def test_everything_can_be_done_by_keyboard_alone(
    page: Page, home: Home, lookalike: Lookalike
) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Available", "Available")
    with home.start() as program:
        program.shows("available")
        _open(page, home, program)
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("Skip to the controls")
        page.keyboard.press("Enter")
        _tab_to(page, "1h30m", "placeholder", before="25m")
        _tab_to(page, "busy", "value")
        page.keyboard.press("Enter")
        _title(page, "Busy")
        _tab_to(page, "auto", "value")
        page.keyboard.press("Space")
        _title(page, "Available")
        seen = {_focused(page, "outerHTML")}
        for _ in range(25):
            page.keyboard.press("Tab")
            seen.add(_focused(page, "outerHTML"))
        for word in ("Read now", "Test the light", "In words", "Download the diagnostics"):
            assert any(word in each for each in seen)


def _focused(page: Page, name: str) -> str:
    return str(page.evaluate(f"document.activeElement.{name} || ''"))


def _tab_to(page: Page, value: str, name: str, before: str | None = None) -> None:
    passed = []
    for _ in range(30):
        passed.append(_focused(page, "value"))
        page.keyboard.press("Tab")
        if _focused(page, name) == value:
            assert before is None or before in [*passed, _focused(page, "value")]
            return
    pytest.fail(f"{value} cannot be reached by Tab")


def test_reading_now_does_not_wait_for_its_time(
    page: Page, home: Home, lookalike: Lookalike
) -> None:
    home.settings |= {"INTERVAL": "3600", "STALE_AFTER": "7200"}
    lookalike.graph.set_presence(ADELE.object_id, "Available", "Available")
    with home.start() as program:
        program.shows("available")
        _open(page, home, program)
        _title(page, "Available")
        lookalike.graph.set_presence(ADELE.object_id, "Away", "Away")
        page.get_by_role("button", name="Read now").click()
        expect(page.locator("#said")).to_have_text("Reading now.")
        _title(page, "Away")


def test_the_light_walks_through_the_palette_and_back(
    page: Page, home: Home, lookalike: Lookalike
) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Away", "Away")
    with home.start() as program:
        program.shows("away")
        _open(page, home, program)
        stop = page.get_by_role("button", name="Stop the test")
        expect(stop).to_be_hidden()
        page.get_by_role("button", name="Test the light").click()
        _title(page, "Available")
        expect(page.locator(".lead")).to_contain_text("being tested")
        _title(page, "Available, idle")
        assert program.report()["presence"]["availability"] == "Away"  # type: ignore[index]
        stop.click()
        _title(page, "Away")
        expect(stop).to_be_hidden()


def test_what_is_wrong_is_told_with_what_to_do(
    page: Page, home: Home, lookalike: Lookalike, tmp_path: Path
) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Available", "Available")
    home.with_light(tmp_path / "no-such-port", "{hex}\\n")
    with home.start() as program:
        program.reports(lambda found: found["diagnostics"]["outputs"]["serial"].get("error"))
        _open(page, home, program)
        trouble = page.get_by_role("region", name="One thing needs you")
        expect(trouble).to_contain_text("The output serial does not work.")
        expect(trouble).to_contain_text("no-such-port")
        expect(page.locator(".outputs .failed")).to_contain_text("serial")
        (tmp_path / "no-such-port").symlink_to("/dev/null")


def test_the_diagnostics_are_downloaded(page: Page, home: Home, lookalike: Lookalike) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Available", "Available")
    with home.start() as program:
        program.shows("available")
        _open(page, home, program)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the diagnostics").click()
        file = download.value
        assert file.suggested_filename == "busylight-diagnostics.json"
        text = Path(file.path()).read_text("utf-8")
        assert json.loads(text)["presence"]["availability"] == "Available"
        assert ADELE.principal_name not in text


def test_with_a_password_one_signs_in_and_out(page: Page, home: Home, lookalike: Lookalike) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Available", "Available")
    home.settings["WEB_PASSWORD"] = PASSWORD
    with home.start() as program:
        program.shows("available")
        _open(page, home, program)
        page.get_by_label("Password").fill("wrong-wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("This password is wrong.")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        _title(page, "Available")
        page.get_by_role("button", name="Busy", exact=True).click()
        _title(page, "Busy")
        page.get_by_role("button", name="Sign out").click()
        _title(page, "Sign in")
        page.go_back()
        expect(page.get_by_label("Password")).to_be_visible()


def test_a_light_that_is_gone_is_not_shown_as_if_it_were_there(
    page: Page, home: Home, lookalike: Lookalike
) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Available", "Available")
    with home.start() as program:
        program.shows("available")
        _open(page, home, program)
        _title(page, "Available")
        lost = page.locator("#lost")
        expect(lost).to_be_hidden()
        program.ends()
        expect(lost).to_be_visible()
    lookalike.graph.set_presence(ADELE.object_id, "Busy", "Busy")
    with home.start() as program:
        program.shows("busy")
        _title(page, "Busy")
        expect(lost).to_be_hidden()


def test_everything_works_without_javascript(
    browser: Browser, home: Home, lookalike: Lookalike
) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall")
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE_MS)
    with home.start() as program:
        program.shows("inacall")
        page = context.new_page()
        _open(page, home, program)
        _title(page, "In a call")
        assert page.locator("meta[http-equiv=refresh]").count() == 1
        page.get_by_role("button", name="Do not disturb").click()
        expect(page.locator("#said")).to_have_text("The light is set.")
        program.shows("donotdisturb")
        _open(page, home, program)
        _title(page, "Do not disturb")
        page.get_by_role("button", name="Follow Teams again").click()
        program.shows("inacall")
    context.close()
