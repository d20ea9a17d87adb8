"""A whole board but for its pins: bytes in, bytes out, and what the LEDs are driven with.

Runs unchanged under CPython and MicroPython. The simulator and the boards' firmware are thin
shells round this.
"""

from firmware_bridge import protocol
from firmware_bridge.light import Light

FRAME = 20
"""Milliseconds between two steps of an effect: 50 Hz."""
REFRESH = 1000
"""Milliseconds after which LEDs are told again what they show, in case they lost power."""
_BUTTON_REPEAT = 200  # milliseconds until a button event is sent again
_BUTTON_TRIES = 5

DARK = (0, 0, 0)


class Board:
    """Answers a host and drives a light; `paint` is asked for, and confirmed, by the shell."""

    def __init__(self, identity: protocol.Identity, light: Light) -> None:
        self.identity = identity
        self.light = light
        self.reader = protocol.Reader()
        self.repl_wanted = False
        """Whether the host has asked for MicroPython's prompt."""
        self._answers = bytearray()
        self._unanswered = -1  # the sequence number that SHOWN will answer once it is painted
        self._painted = (-1, -1, -1)
        self._since_painted = REFRESH
        self._let_go = False
        self._events = 0
        self._event = b""
        self._event_age = 0
        self._event_tries = 0

    def receive(self, content: bytes) -> None:
        """Take bytes from the host."""
        for message in self.reader.feed(content):
            self._take(message)

    def _take(self, message: protocol.Message) -> None:
        if message.kind == protocol.HELLO:
            self._say(message.sequence, protocol.IDENTITY, self.identity.pack())
        elif message.kind == protocol.HEARD:
            if message.payload[:1] == self._event[1:2]:
                self._event = b""
        elif (why := self._obey(message)) == 0:
            self._unanswered = message.sequence
        else:
            refusal = bytes((why, message.kind, protocol.VERSION))
            self._say(message.sequence, protocol.ERROR, refusal)

    def _obey(self, message: protocol.Message) -> int:
        """Do what is asked for; 0, or why not."""
        kind, payload = message.kind, message.payload
        if message.version > protocol.VERSION:
            return protocol.NEWER_VERSION
        if kind == protocol.SHOW:
            show = protocol.unpack_show(payload)
            if show is None:
                return protocol.TOO_SHORT
            self.light.show(show)
        elif kind == protocol.PING:
            self.light.word()
        elif kind == protocol.RELEASE:
            if len(payload) < 2:  # noqa: PLR2004 -- a lifetime
                return protocol.TOO_SHORT
            self.light.release(payload[0] | payload[1] << 8)
        elif kind == protocol.REPL and self.identity.capabilities & protocol.HAS_REPL:
            if payload != protocol.REPL_WORD:
                return protocol.TOO_SHORT
            self.repl_wanted = True
        else:
            return protocol.UNKNOWN_KIND
        return 0

    def _say(self, sequence: int, kind: int, payload: bytes) -> None:
        self._answers.extend(protocol.encode(sequence, kind, payload))

    def press(self, kind: int) -> None:
        """The button was pressed: the host is told until it says that it has heard it."""
        self._events = (self._events + 1) & 255
        self._event = bytes((kind, self._events))
        self._event_age = _BUTTON_REPEAT
        self._event_tries = _BUTTON_TRIES

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.light.advance(milliseconds)
        self._since_painted += milliseconds
        if not self._event:
            return
        self._event_age += milliseconds
        if self._event_age >= _BUTTON_REPEAT:
            self._event_age = 0
            if self._event_tries:
                self._event_tries -= 1
                self._say(self._event[1], protocol.BUTTON, self._event)
            else:
                self._event = b""

    def paint(self) -> tuple[int, int, int] | None:
        """What the LEDs are to be driven with now; None where nothing is to be done.

        A light that was released is painted dark once, and its pins are then left alone.
        """
        released = self.light.state == protocol.RELEASED
        if released and self._let_go:
            return None
        duty = self.light.duty()
        if (
            self._unanswered < 0
            and not released
            and (self._since_painted < FRAME or duty == self._painted)
            and self._since_painted < REFRESH
        ):
            return None
        return duty

    def painted(self, duty: tuple[int, int, int]) -> None:
        """The LEDs show it."""
        self._painted = duty
        self._since_painted = 0
        self._let_go = self.light.state == protocol.RELEASED

    def answers(self) -> bytes:
        """What is to be sent to the host; taken, it is gone.

        Asked for after painting: what is confirmed is shown.
        """
        if self._unanswered >= 0:
            self._say(self._unanswered, protocol.SHOWN, self.light.shown().pack())
            self._unanswered = -1
        answers = bytes(self._answers)
        self._answers = bytearray()
        return answers
