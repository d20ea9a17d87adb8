"""What docs/app-registration.md has from the code: commands to paste, and Microsoft's numbers."""

import re
from typing import Final

from busylight.setup import registration
from busylight.sources.graph.aadsts import REASONS, Reason, Way

_WAYS: Final = {
    Way.BROWSER: "[with a browser](#or-sign-in-with-a-browser)",
    Way.APP: "[as the app itself](#without-anybody-signed-in)",
    Way.MQTT: "[from MQTT](sources.md)",
}


def reason_table() -> str:
    """Microsoft's numbers, as docs/app-registration.md tells them."""
    numbers: dict[Reason, list[int]] = {}
    for number, reason in REASONS.items():
        numbers.setdefault(reason, []).append(number)
    lines = [
        "| AADSTS | it means that | who can mend it | what to do | other ways |",
        "| --- | --- | --- | --- | --- |",
    ]
    for reason, same in numbers.items():
        told = ", ".join(map(str, same))
        ways = ", ".join(_WAYS[way] for way in reason.ways)
        remedy = reason.remedy.replace("https://aka.ms/mfasetup", "<https://aka.ms/mfasetup>")
        remedy = re.sub(r"\bBUSYLIGHT_[A-Z_]+", r"`\g<0>`", remedy)
        lines.append(f"| {told} | {reason.meaning} | {reason.who.value} | {remedy} | {ways} |")
    return "\n".join(lines) + "\n"


def with_blocks(text: str) -> str:
    """docs/app-registration.md with what `setup` shows, and Microsoft's numbers."""
    blocks = {
        "reasons": f"\n{reason_table()}\n",
        "az": f"```sh\n{registration.command_line()}\n```\n",
        "manifest": f"```json\n{registration.manifest()}\n```\n",
    }
    for name, block in blocks.items():
        begin = f"<!-- {name}: written by scripts/make_reference.py -->\n"
        before, _, rest = text.partition(begin)
        end = f"<!-- end of {name} -->"
        text = f"{before}{begin}{block}{end}{rest.partition(end)[2]}"
    return text
