"""Floor: paho inside asyncio, and a kept connection that a thread asks: the loop stays free."""

import asyncio
import os
import ssl

import httpx
import paho.mqtt.client as mqtt


async def main() -> None:
    """Poll for ever, and keep the broker's connection alive."""
    loop = asyncio.get_running_loop()
    keepalive = int(os.environ["KEEPALIVE"])
    broker = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    broker.on_socket_open = lambda _c, _d, sock: loop.add_reader(sock, broker.loop_read)
    broker.on_socket_register_write = lambda _c, _d, sock: loop.add_writer(sock, broker.loop_write)
    broker.on_socket_unregister_write = lambda _c, _d, sock: loop.remove_writer(sock)
    broker.connect("127.0.0.1", int(os.environ["MQTT_PORT"]), keepalive=keepalive)

    def keep_alive() -> None:
        broker.loop_misc()
        loop.call_later(keepalive + 0.01, keep_alive)

    keep_alive()
    context = ssl.create_default_context(cafile=os.environ["CA_FILE"])
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    limits = httpx.Limits(keepalive_expiry=3600)
    with httpx.Client(verify=context, headers=headers, limits=limits, trust_env=False) as http:
        while True:
            answer = await asyncio.to_thread(http.get, f"{os.environ['BASE_URL']}/me/presence")
            answer.json()
            await asyncio.sleep(float(os.environ["INTERVAL"]))


asyncio.run(main())
