"""Frames in words, for people who watch a line."""

from typing import Final

from firmware_bridge import protocol

_EFFECTS: Final = {
    protocol.SOLID: "solid",
    protocol.BLINK: "blink",
    protocol.PULSE: "pulse",
    protocol.BREATHE: "breathe",
}
_STATES: Final = {
    protocol.IDLE: "told nothing yet",
    protocol.SHOWING: "shown",
    protocol.RELEASED: "released",
    protocol.LOST: "host lost",
}
_FLAGS: Final = {
    protocol.LIMITED: "held to its limit of current",
    protocol.WAS_LOST: "had given the host up",
}
_CAPABILITIES: Final = {
    protocol.HAS_BUTTON: "button",
    protocol.HAS_REPL: "MicroPython's prompt",
    protocol.HAS_PIXELS: "addressable pixels",
    protocol.HAS_PWM: "LEDs on PWM",
}
_PRESSES: Final = {
    protocol.PRESS: "press",
    protocol.DOUBLE_PRESS: "double press",
    protocol.LONG_PRESS: "long press",
}
_REFUSALS: Final = {
    protocol.UNKNOWN_KIND: "it does not know that kind",
    protocol.TOO_SHORT: "the payload is too short, or not the right word",
    protocol.NEWER_VERSION: "its version is newer than the light's",
}
_BARE: Final = {protocol.PING: "ping", protocol.REPL: "repl: give MicroPython's prompt"}


def describe(identity: protocol.Identity) -> str:
    """A light in half a sentence."""
    board = protocol.BOARD_NAMES.get(identity.board, f"board {identity.board}")
    firmware = ".".join(str(number) for number in identity.firmware)
    pixels = "1 pixel" if identity.pixels == 1 else f"{identity.pixels} pixels"
    number = identity.serial_number.hex()
    return f"{board}, firmware {firmware}, {pixels}, serial number {number}"


def in_words(message: protocol.Message) -> str:
    """What a frame says, in one line; its payload in hexadecimal where nobody knows."""
    return f"{_content(message)}  (number {message.sequence})"


def _content(message: protocol.Message) -> str:
    kind, payload = message.kind, message.payload
    if kind in _BARE:
        return _BARE[kind]
    if kind == protocol.HELLO and payload:
        return f"hello from a host that speaks version {payload[0]}"
    if kind == protocol.IDENTITY and (identity := protocol.unpack_identity(payload)):
        return f"identity: {_identity(identity)}"
    if kind == protocol.SHOW and (show := protocol.unpack_show(payload)):
        return f"show {_look(show)}{_lifetime(show.lifetime)}"
    if kind == protocol.SHOWN and (shown := protocol.unpack_shown(payload)):
        return f"{_shown(shown)}{_lifetime(shown.show.lifetime)}"
    return _short(kind, payload)


def _short(kind: int, payload: bytes) -> str:
    match kind, *payload:
        case protocol.RELEASE, low, high, *_:
            return f"release{_lifetime(low | high << 8)}"
        case protocol.HEARD, number, *_:
            return f"heard button event {number}"
        case protocol.BUTTON, press, number, *_:
            return f"button event {number}: {_PRESSES.get(press, f'press {press}')}"
        case protocol.ERROR, why, refused, version, *_:
            reason = _REFUSALS.get(why, f"reason {why}")
            return f"error: kind {refused:#04x} refused, {reason}; it speaks version {version}"
    return f"kind {kind:#04x} {payload.hex()}".strip()


def _identity(identity: protocol.Identity) -> str:
    version = "" if identity.version == protocol.VERSION else f", version {identity.version}"
    return describe(identity) + _all(_CAPABILITIES, identity.capabilities) + version


def _shown(shown: protocol.Shown) -> str:
    state = _STATES.get(shown.state, f"state {shown.state}")
    return f"{state}: {_look(shown.show)}{_all(_FLAGS, shown.flags)}"


def _look(show: protocol.Show) -> str:
    red, green, blue, brightness, effect, period = show.look()
    text = f"#{red:02x}{green:02x}{blue:02x} {brightness * 100 / 255:.0f}% {_EFFECTS[effect]}"
    return f"{text} {period / 1000:g} s" if period else text


def _lifetime(tenths: int) -> str:
    return f", for {tenths / 10:g} s" if tenths else ", for ever"


def _all(names: dict[int, str], bits: int) -> str:
    return "".join(f", {name}" for bit, name in names.items() if bits & bit)
