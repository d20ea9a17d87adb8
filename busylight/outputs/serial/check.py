"""Whether the port and the light behind it could be used, without changing what it shows."""

from busylight.outputs.serial.conversation import identify
from busylight.outputs.serial.finding import port_of
from busylight.outputs.serial.line import Line
from busylight.outputs.serial.settings import Protocol, SerialSettings
from firmware_bridge.words import describe


async def check(settings: SerialSettings) -> str:
    """Open the port and close it; raises `OutputError` with the remedy.

    Our firmware is asked who it is, which changes nothing; to another light nothing is written.
    """
    path = port_of(settings)
    if settings.protocol is Protocol.BUSYLIGHT:
        identity = await identify(path, settings.baud)
        return f"{path} has our light: {describe(identity)}"
    line = await Line.open(path, settings.baud)
    await line.close(in_order=True)
    return f"{path} opens at {settings.baud} baud; nothing was written"
