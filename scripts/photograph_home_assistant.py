"""Takes docs/pictures/home-assistant/*.png: `python -m scripts.photograph_home_assistant`.

They are real: a real Home Assistant with its own frontend, a real broker, our program reading the
look-alike of Graph, and a headless Chromium. It wants an environment of its own, with Python 3.13:

    pip install -e . homeassistant home-assistant-frontend trustme playwright

(of the frontend the version that the Home Assistant asks for), mosquitto, and a Chromium, which
CHROMIUM names if it is not /usr/bin/chromium.
"""

import io
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import FloatRect, Page, ViewportSize, sync_playwright

from busylight.demo.lookalike import ADELE, Lookalike
from tests.support.broker import Broker, wait_until
from tests.support.home_assistant import HomeAssistantProcess
from tests.support.program import Home

ROOT: Final = Path(__file__).resolve().parents[1]
PICTURES: Final = ROOT / "docs" / "pictures" / "home-assistant"
CARD: Final = ROOT / "deploy" / "homeassistant" / "dashboard_card.yaml"
FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SETTLE_MS: Final = 2500
"""What the frontend takes to draw and to end its movements."""


def main() -> None:
    """Take them all."""
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as name,
        Broker(Path(name) / "broker") as broker,
        Lookalike() as lookalike,
        HomeAssistantProcess(
            Path(name) / "ha", more_configuration="frontend:\nlovelace:\n  mode: yaml\n"
        ) as home_assistant,
        sync_playwright() as playwright,
    ):
        _dashboard(home_assistant.directory)
        tokens = home_assistant.onboard()
        home_assistant.connect(broker.port)
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
        )
        page = browser.new_page(
            viewport=ViewportSize(width=1180, height=1330), device_scale_factor=1
        )
        _sign_in(page, home_assistant, tokens)

        home = _home(Path(name) / "home", lookalike, broker)
        home.sign_in(lookalike)
        lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall")
        with home.start() as program:
            wait_until(lambda: _is(home_assistant, "binary_sensor.busy_light_in_a_call", "on"))
            _photograph_device(page, home_assistant)
            program.ends()
        signed_out = _home(Path(name) / "signed-out", lookalike, broker)
        with signed_out.start() as program:
            wait_until(
                lambda: home_assistant.states()["binary_sensor.busy_light_sign_in_needed"][
                    "attributes"
                ].get("code")
            )
            _photograph_card(page, home_assistant, "sign-in")
            program.ends()
        browser.close()


def _home(directory: Path, lookalike: Lookalike, broker: Broker) -> Home:
    home = Home(directory).with_graph(lookalike, signed_in=False).with_broker(broker.port)
    home.settings |= {"ID": "busylight", "NAME": "Busy light"}
    home.settings |= {"MQTT_STATUS_MESSAGE": "true", "MQTT_ACCOUNT": "true"}
    return home


def _is(home_assistant: HomeAssistantProcess, entity_id: str, state: str) -> bool:
    found = home_assistant.states().get(entity_id)
    return found is not None and found["state"] == state


def _dashboard(directory: Path) -> None:
    (directory / "card.yaml").write_text(CARD.read_text("utf-8"), "utf-8")
    (directory / "ui-lovelace.yaml").write_text(
        "title: Home\nviews:\n  - title: Home\n    cards:\n      - !include card.yaml\n"
    )


def _sign_in(page: Page, home_assistant: HomeAssistantProcess, tokens: dict[str, Any]) -> None:
    for step in ("core_config", "analytics", "integration"):
        client = {"client_id": f"{home_assistant.url}/", "redirect_uri": f"{home_assistant.url}/"}
        home_assistant.post(f"/api/onboarding/{step}", json=client if step == "integration" else {})
    kept = {
        **tokens,
        "hassUrl": home_assistant.url,
        "clientId": f"{home_assistant.url}/",
        "expires": int((time.time() + tokens["expires_in"]) * 1000),
    }
    page.goto(f"{home_assistant.url}/manifest.json")
    page.evaluate("kept => localStorage.setItem('hassTokens', kept)", json.dumps(kept))


def _photograph_device(page: Page, home_assistant: HomeAssistantProcess) -> None:
    page.goto(home_assistant.url)
    found = page.wait_for_function(
        "() => Object.values(document.querySelector('home-assistant')?.hass?.devices ?? {})"
        ".find(device => device.name === 'Busy light')?.id"
    )
    page.goto(f"{home_assistant.url}/config/devices/device/{found.json_value()}")
    page.wait_for_timeout(2 * SETTLE_MS)
    beside_the_sidebar = FloatRect(x=256, y=0, width=620, height=1330)
    _save(page.screenshot(clip=beside_the_sidebar), "device")


def _photograph_card(page: Page, home_assistant: HomeAssistantProcess, name: str) -> None:
    page.goto(f"{home_assistant.url}/config")
    # A card that is drawn before the words for it are there keeps bare numbers.
    page.wait_for_timeout(SETTLE_MS)
    page.evaluate(
        "() => { history.pushState(null, '', '/lovelace/0');"
        " window.dispatchEvent(new Event('location-changed')); }"
    )
    card = page.locator("hui-vertical-stack-card, hui-stack-card").first
    card.wait_for()
    page.wait_for_timeout(SETTLE_MS)
    _save(card.screenshot(), name)


def _save(screenshot: bytes, name: str) -> None:
    path = PICTURES / f"{name}.png"
    with Image.open(io.BytesIO(screenshot)) as picture:
        picture.convert("RGB").quantize(192).save(path, optimize=True)
    print(path.relative_to(ROOT), path.stat().st_size)


if __name__ == "__main__":
    main()
