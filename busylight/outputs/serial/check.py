"""Whether the port could be used, found out without disturbing what is behind it."""

from busylight.outputs.serial.line import Line
from busylight.outputs.serial.settings import SerialSettings


async def check(settings: SerialSettings) -> str:
    """Open the port and close it, writing nothing; raises `OutputError` with the remedy."""
    line = await Line.open(settings.port, settings.baud)
    await line.close(in_order=True)
    return f"{settings.port} opens at {settings.baud} baud; nothing was written"
