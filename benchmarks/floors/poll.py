"""Floor: a kept connection to Graph, asked at an interval; nothing else."""

import os
import ssl
import time

import httpx

context = ssl.create_default_context(cafile=os.environ["CA_FILE"])
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
limits = httpx.Limits(keepalive_expiry=3600)
with httpx.Client(verify=context, headers=headers, limits=limits, trust_env=False) as http:
    while True:
        http.get(f"{os.environ['BASE_URL']}/me/presence").json()
        time.sleep(float(os.environ["INTERVAL"]))
