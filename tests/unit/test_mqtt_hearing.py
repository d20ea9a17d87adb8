from busylight.core.override import Mode, SetMode
from busylight.outputs.mqtt.output import HEARD_LIMIT, MqttOutput
from tests.support.mqtt import BASE, settings_of


async def test_of_more_commands_than_are_taken_the_newest_are_kept() -> None:
    output = MqttOutput(settings_of())
    for n in range(1, 200):
        payload = f'{{"mode":"busy","for":{n}}}'.encode()
        output._received(f"{BASE}/mode/set", payload, retained=False)
    output._received(f"{BASE}/mode/set", b"away", retained=False)
    commands = []
    async for command in output.events():
        commands.append(command)
        if command == SetMode(Mode.AWAY):
            break
    assert len(commands) == HEARD_LIMIT


async def test_a_message_on_a_topic_that_is_no_command_of_ours_is_left_aside() -> None:
    output = MqttOutput(settings_of())
    output._received(f"{BASE}/light", b"{}", retained=False)
    output._received("elsewhere/mode/set", b"busy", retained=False)
    assert output._heard.empty()
