"""Floor: from paho's callback straight to the serial line."""

import os

import paho.mqtt.client as mqtt
import serial

COLORS = {b"available": b"00ff00\n", b"busy": b"ff0000\n"}
line = serial.Serial(os.environ["SERIAL_PORT"], 115200)
broker = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
broker.on_connect = lambda client, *_: client.subscribe("floor/mode/set", qos=1)
broker.on_message = lambda _c, _d, message: line.write(COLORS[message.payload])
broker.connect("127.0.0.1", int(os.environ["MQTT_PORT"]))
broker.loop_forever()
