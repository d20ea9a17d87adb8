"""The outputs `webhook` and `wled` against something that listens, as it really travels."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.outputs import http
from busylight.outputs.webhook import template
from busylight.outputs.webhook.output import WebhookOutput
from busylight.outputs.webhook.settings import WebhookSettings
from busylight.outputs.wled import output as wled_output
from busylight.outputs.wled.output import WledOutput
from busylight.outputs.wled.settings import WledSettings
from busylight.parts import OutputError
from busylight.testing import view_of
from tests.support.broker import eventually
from tests.support.http_lights import Listener, WledLookalike


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


@pytest.fixture
def light() -> Iterator[WledLookalike]:
    with WledLookalike(pixels=600) as light:
        yield light


def _webhook(listener: Listener, **more: Any) -> WebhookOutput:
    url = f"http://127.0.0.1:{listener.port}/light?color={{hex}}&who=a%20b"
    return WebhookOutput(WebhookSettings.model_validate({"url": url, **more}))


def _wled(light: WledLookalike, **more: Any) -> WledOutput:
    settings = {"host": "127.0.0.1", "port": light.port, "realtime_port": light.udp_port, **more}
    return WledOutput(WledSettings.model_validate(settings))


async def test_a_webhook_says_what_its_template_says_and_only_what_changes(
    listener: Listener,
) -> None:
    words = '{"text":"{{{activity}}}","light":{"on":"{on}","r":"{r}","period":"{period}"},"n":[1]}'
    headers = json.dumps({"X-Api-Key": "k"})
    hook = _webhook(listener, template=words, method="put", token="hush", headers=headers)
    async with hook as output:
        await output.show(view_of("#ff8000 50% blink 2"))
        await output.show(view_of("#ff8000 50% blink 2"))
        await output.show(view_of(None))
    (method, path, sent, body), (_, _, _, released) = listener.told
    assert (method, path) == ("PUT", "/light?color=804000&who=a%20b")
    assert (sent["Authorization"], sent["X-Api-Key"]) == ("Bearer hush", "k")
    assert json.loads(body) == {
        "text": "{Busy}",
        "light": {"on": True, "r": 128, "period": 2.0},
        "n": [1],
    }
    assert json.loads(released)["light"]["on"] is False


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (302, "answers 302: no redirect is followed; set WEBHOOK_URL to where it leads"),
        (401, "answers 401: see WEBHOOK_TOKEN and WEBHOOK_HEADERS"),
        (500, "answers 500: see its own log"),
    ],
)
async def test_a_webhook_that_is_refused_says_why_and_nothing_private(
    listener: Listener, status: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    listener.status = status
    async with _webhook(listener, token="hush", template='{"x":"sesame {state}"}') as output:
        with pytest.raises(OutputError, match=text) as caught:
            await output.show(view_of("red"))
    told = f"{caught.value} {caplog.text}"
    for private in ("hush", "sesame", "a private answer"):
        assert private not in told
    assert "/light" not in str(caught.value)


async def test_a_header_that_http_does_not_allow_is_not_told(listener: Listener) -> None:
    client = http.Http("webhook")
    with pytest.raises(OutputError, match="no such header") as caught:
        await client.request(
            "POST", f"http://127.0.0.1:{listener.port}/", headers={"X-Api-Key": "sesame "}
        )
    await client.close()
    assert "sesame" not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_a_webhook_that_is_asked_to_wait_waits(listener: Listener) -> None:
    listener.status, listener.headers = 429, {"Retry-After": "40"}
    async with _webhook(listener) as output:
        with pytest.raises(OutputError, match="asks us to wait") as caught:
            await output.show(view_of("red"))
    assert getattr(caught.value, "retry_after", None) == 40


async def test_an_answer_that_never_ends_is_cut_off(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LIMIT", 0.3)
    listener.seconds = 2
    async with _webhook(listener) as output:
        with pytest.raises(OutputError, match=r"127\.0\.0\.1 (does not answer|cannot be reached)"):
            await output.show(view_of("red"))
    monkeypatch.setattr(http, "LIMIT", 8)
    monkeypatch.setattr(http, "LONGEST_ANSWER", 3)
    listener.seconds = 0
    async with _webhook(listener) as output:
        with pytest.raises(OutputError, match="answers with more than"):
            await output.show(view_of("red"))


async def test_a_name_that_is_not_found_is_told() -> None:
    settings = WebhookSettings.model_validate({"url": "http://nowhere.invalid/secret-path"})
    async with WebhookOutput(settings) as output:
        with pytest.raises(OutputError, match=r"nowhere\.invalid cannot be reached") as caught:
            await output.show(view_of("red"))
    assert "secret-path" not in str(caught.value)


async def test_a_webhook_may_be_told_again_and_again(listener: Listener) -> None:
    async with _webhook(listener, repeat=0.05) as output:
        await output.show(view_of("red"))
        await eventually(lambda: len(listener.told) >= 3)
        assert len({body for *_, body in listener.told}) == 1


values = st.recursive(
    st.one_of(st.text(), st.integers(), st.booleans(), st.none())
    | st.lists(st.sampled_from([f"{{{name}}}" for name in template.FIELDS])).map("".join),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values, st.dictionaries(st.sampled_from(template.FIELDS), st.text()))
def test_whatever_the_fields_hold_the_body_is_json(document: Any, some: dict[str, str]) -> None:
    text = json.dumps(document)
    every = dict.fromkeys(template.FIELDS, "") | some
    try:
        template.check_json(text)
    except ValueError:
        return  # a single brace, or no field: told at start
    json.loads(template.body(text, every))


async def test_a_wled_goes_back_to_its_own_state_when_we_have_died(light: WledLookalike) -> None:
    output = _wled(light, lifetime=2)
    await output.__aenter__()
    await output.show(view_of("#ff0000"))
    assert light.rgb == (255, 0, 0)
    assert len(light.packets) % 2 == 0  # 600 pixels need two packets
    await asyncio.sleep(2.5)
    assert light.rgb == (255, 0, 0)  # it was said again in time
    await output.__aexit__(OutputError, OutputError("killed"), None)
    await eventually(lambda: not light.is_live, 4)
    assert light.rgb == (1, 2, 3)


async def test_a_wled_that_is_released_has_its_own_state_back_at_once(light: WledLookalike) -> None:
    async with _wled(light, lifetime=200) as output:
        await output.show(view_of("#ff0000"))
        await output.show(view_of(None))
        await eventually(lambda: light.rgb == (1, 2, 3))
        await output.show(view_of("#00ff00"))
        assert light.rgb == (0, 255, 0)
        await output.show(view_of("#0000ff", is_last=True))
        assert (light.rgb, light.is_live) == ((0, 0, 255), False)


async def test_a_wled_that_takes_no_realtime_data_is_named(light: WledLookalike) -> None:
    light.takes_realtime = False
    async with _wled(light) as output:
        with pytest.raises(OutputError, match="takes no realtime data: allow it in WLED's Sync"):
            await output.show(view_of("red"))


async def test_a_wled_in_json_mode_moves_by_itself_and_is_held_to_what_it_was_told(
    light: WledLookalike, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wled_output, "ASK_EVERY", 0.05)
    async with _wled(light, mode="json") as output:
        await output.show(view_of("#ff0000 50% pulse"))
        assert light.state["seg"][0]["fx"] == 12  # Fade
        light.state |= {"bri": 3}  # it was without power
        await eventually(lambda: light.state["bri"] == 128)
        light.is_other = lambda state: {**state, "bri": 7}
        events = output.events()
        async with asyncio.timeout(5):
            with pytest.raises(OutputError, match="says brightness 7, which it was not told"):
                await anext(events)


async def test_a_web_server_that_is_no_wled_is_named(listener: Listener) -> None:
    settings = WledSettings(host="127.0.0.1", port=listener.port)
    with pytest.raises(OutputError, match="answers 200, as no WLED does"):
        await WledOutput.check(settings)
