"""Floor: the straight script: signs in from the cache, gets, publishes, writes; perhaps for ever.

It knows no error, no staleness, no reconnect and no override: whatever happens, it ends or lies.
"""

import ssl
import time
from pathlib import Path

import httpx
import msal
import paho.mqtt.client as mqtt
import serial
from pydantic_settings import BaseSettings

COLORS = {"Available": "00ff00", "Busy": "ff0000", "Away": "ffbf00", "DoNotDisturb": "ff00ff"}


class Settings(BaseSettings):
    """All that it is told, by environment variables."""

    authority: str
    base_url: str
    ca_file: str
    client_id: str
    token_cache: str
    mqtt_port: int
    serial_port: str = ""
    interval: float = 0.0


def main() -> None:
    """Show each change; with an interval of 0, show one state and end."""
    settings = Settings()
    cache = msal.SerializableTokenCache()
    cache.deserialize(Path(settings.token_cache).read_text("utf-8"))
    app = msal.PublicClientApplication(
        settings.client_id,
        authority=settings.authority,
        token_cache=cache,
        instance_discovery=False,
        verify=settings.ca_file,
    )
    account = app.get_accounts()[0]
    context = ssl.create_default_context(cafile=settings.ca_file)
    http = httpx.Client(
        verify=context,
        limits=httpx.Limits(keepalive_expiry=3600),
        trust_env=False,
    )
    broker = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    broker.connect("127.0.0.1", settings.mqtt_port)
    broker.loop_start()
    line = serial.Serial(settings.serial_port, 115200) if settings.serial_port else None
    shown = None
    while True:
        # At each turn, as msal's documentation has it: a token lasts for an hour or so.
        token = app.acquire_token_silent(["Presence.Read"], account)["access_token"]
        answer = http.get(
            f"{settings.base_url}/me/presence", headers={"Authorization": f"Bearer {token}"}
        )
        presence = answer.json()["availability"]
        if presence != shown:
            shown = presence
            broker.publish("floor/light", COLORS[presence], qos=1, retain=True)
            if line is not None:
                line.write(COLORS[presence].encode() + b"\n")
        if not settings.interval:
            time.sleep(60)  # whoever measures has seen the message, and ends us
        time.sleep(settings.interval)


main()
