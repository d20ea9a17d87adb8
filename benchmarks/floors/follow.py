"""Floor: hears presence on MQTT and writes it to a serial line; no Graph."""

import asyncio

import paho.mqtt.client as mqtt
import serial
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    """All that it is told, by environment variables."""

    mqtt_port: int
    mqtt_source_topic: str
    serial_port: str


async def main() -> None:
    """Follow for ever."""
    settings = Settings()
    loop = asyncio.get_running_loop()
    line = serial.Serial(settings.serial_port, 115200)
    broker = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    broker.on_message = lambda _c, _d, message: line.write(message.payload + b"\n")
    broker.on_connect = lambda client, *_: client.subscribe(settings.mqtt_source_topic, qos=1)
    broker.on_socket_open = lambda _c, _d, sock: loop.add_reader(sock, broker.loop_read)
    broker.on_socket_register_write = lambda _c, _d, sock: loop.add_writer(sock, broker.loop_write)
    broker.on_socket_unregister_write = lambda _c, _d, sock: loop.remove_writer(sock)
    broker.connect("127.0.0.1", settings.mqtt_port, keepalive=10)
    while True:
        await asyncio.sleep(10.01)
        broker.loop_misc()


asyncio.run(main())
