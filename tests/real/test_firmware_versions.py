"""A light that is newer than its host: docs/protocol.md says what may have grown, and how."""

from busylight.outputs.serial.firmware_output import FirmwareOutput
from firmware_bridge import protocol
from firmware_bridge.simulate import SimulatedLight
from tests.support.firmware import settings_for, shows
from tests.support.serial_lights import view


class NewerLight(SimulatedLight):
    """Speaks version 2 too, says more in each payload, and kinds that nobody knows yet."""

    def __init__(self) -> None:
        super().__init__()
        self.board.identity.version = 2
        self.board.identity.board = 200
        self.board.identity.capabilities = 0xFFFF
        self.heard: list[protocol.Message] = []

    def took(self, content: bytes) -> None:
        self.heard += protocol.Reader().feed(content)
        super().took(content)

    def say(self, content: bytes) -> bool:
        news = protocol.encode(0, 0x9E, b"news")
        grown = [
            protocol.encode(each.sequence, each.kind, each.payload + b"\xee\xee\xee")
            for each in protocol.Reader().feed(content)
        ]
        return super().say(news + b"".join(grown))


async def test_a_newer_light_is_driven_in_the_version_of_an_older_host() -> None:
    with NewerLight() as light:
        async with FirmwareOutput(settings_for(light)) as output:
            await output.show(view("#00ff00"))
            assert shows((0, 255, 0))(light)
            assert output.has_button
        assert {each.version for each in light.heard} == {1}
