"""Floor: the JSON of Graph's bulk answers, read by json.loads; and a dict of what they say."""

import gc
import json
import sys
import time
from pathlib import Path

PEOPLE = int(sys.argv[-1])
SLICE = 650
ROUNDS = 20
STATES = (
    ("Available", "Available"),
    ("Away", "Away"),
    ("BeRightBack", "BeRightBack"),
    ("Busy", "Busy"),
    ("Busy", "InACall"),
    ("Busy", "InAMeeting"),
    ("DoNotDisturb", "Presenting"),
    ("Offline", "Offline"),
    ("Available", "OutOfOffice"),
    ("PresenceUnknown", "PresenceUnknown"),
)


def rss() -> float:
    """MiB of memory now."""
    (line,) = (x for x in Path("/proc/self/status").read_text("ascii").splitlines() if "VmRSS" in x)
    return int(line.split()[1]) / 1024


def answer(begin: int) -> bytes:
    """A bulk answer as Graph gives it."""
    value = [
        {
            "id": f"{number:08x}-0000-4000-8000-000000000000",
            "availability": STATES[number * 7919 // 1000 % len(STATES)][0],
            "activity": STATES[number * 7919 // 1000 % len(STATES)][1],
            "statusMessage": None,
            "sequenceNumber": f"20261101A{number:010d}",
            "outOfOfficeSettings": {"message": None, "isOutOfOffice": False},
            "workLocation": None,
        }
        for number in range(begin, min(begin + SLICE, PEOPLE))
    ]
    return json.dumps({"@odata.context": "https://graph/$metadata", "value": value}).encode()


answers = [answer(begin) for begin in range(0, PEOPLE, SLICE)]
before = rss()
facts = {}
for content in answers:
    for each in json.loads(content)["value"]:
        facts[each["id"]] = {"availability": each["availability"], "activity": each["activity"]}
gc.collect()
memory = rss() - before
began = time.process_time()
for _ in range(ROUNDS):
    for content in answers:
        json.loads(content)
cpu = (time.process_time() - began) / ROUNDS
print(json.dumps({"round_cpu": cpu, "memory": memory, "bytes": sum(map(len, answers))}))
