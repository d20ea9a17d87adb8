"""Floor: the same with paho's own thread, as its documentation shows it."""

import os
import ssl
import time

import httpx
import paho.mqtt.client as mqtt

broker = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
broker.connect("127.0.0.1", int(os.environ["MQTT_PORT"]), keepalive=int(os.environ["KEEPALIVE"]))
broker.loop_start()
context = ssl.create_default_context(cafile=os.environ["CA_FILE"])
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
limits = httpx.Limits(keepalive_expiry=3600)
with httpx.Client(verify=context, headers=headers, limits=limits, trust_env=False) as http:
    while True:
        http.get(f"{os.environ['BASE_URL']}/me/presence").json()
        time.sleep(float(os.environ["INTERVAL"]))
