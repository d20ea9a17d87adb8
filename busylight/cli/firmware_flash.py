"""`busylight firmware flash`: our firmware onto a board, and the board found again as our light."""

import argparse
import asyncio
import secrets
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from busylight.cli.common import CommandError, settings_of, state_dir_of
from busylight.cli.light_port import port_for
from busylight.outputs.serial.confirmed import device_of, find_again, remember
from busylight.outputs.serial.conversation import Conversation, NoLightError, identify
from busylight.outputs.serial.ports import devices, list_ports
from busylight.parts import OutputError
from firmware_bridge import avr, avrdude, mpremote_copy, protocol
from firmware_bridge.flashing import BOARDS, AvrBoard, FlashError, PythonBoard
from firmware_bridge.words import describe

_BAUD: Final = 115_200
_BACK_LIMIT: Final = 12.0
"""Seconds until a board that was restarted has its port again."""
_GREETINGS: Final = 3
_RESTART: Final = 1.0
"""Seconds until a board that restarts has gone from USB."""


def run(args: argparse.Namespace) -> None:
    """Ask the board who it is, ask the person if need be, write, and look who is there then."""
    settings = settings_of(args, needs_source=False, needs_outputs=False)
    state_dir = state_dir_of(settings)
    board = BOARDS[args.board]
    port = port_for(args, settings)
    print(f"Asking who is on {port} …", flush=True)
    identity = asyncio.run(_who(port))
    _permit(args, board, port, identity)
    try:
        if isinstance(board, AvrBoard):
            port = _flash_avr(board, port, dict(args.set), identity)
        else:
            port = _copy(port, dict(args.set), identity)
    except (FlashError, avr.BuildError) as error:
        raise CommandError(f"flash: {error}") from None
    identity = asyncio.run(_greeted(port))
    remember(state_dir, port, devices())
    print(f"{port} has our light: {describe(identity)}")
    print("BUSYLIGHT_OUTPUTS=serial\nBUSYLIGHT_SERIAL_PORT=auto")


async def _who(port: str) -> protocol.Identity | None:
    """Who our light on a port is; None if what is there is none. Raises `OutputError`."""
    try:
        return await identify(port, _BAUD)
    except NoLightError:
        return None


async def _greeted(port: str) -> protocol.Identity:
    """Who is there now; a board that restarts may go from USB once more while it is asked."""
    for _ in range(_GREETINGS - 1):
        with suppress(OutputError):
            return await identify(port, _BAUD)
        await asyncio.sleep(_RESTART)
    try:
        return await identify(port, _BAUD)
    except OutputError as error:
        raise CommandError(
            f"the firmware is on the board, but: {error}; unplug it, plug it in again, and try "
            f"`busylight devices --ours {port}`"
        ) from None


def _permit(
    args: argparse.Namespace,
    board: AvrBoard | PythonBoard,
    port: str,
    identity: protocol.Identity | None,
) -> None:
    """Return if it may be written; raises `CommandError`."""
    if identity is not None:
        if identity.board != board.kind:
            names = [name for name, each in BOARDS.items() if each.kind == identity.board]
            raise CommandError(
                f"{port} is no {board.title}, but our light: {describe(identity)}; choose "
                f"{' or '.join(names) or 'another port'}"
            )
        print(f"{port} has our light: {describe(identity)}. Its firmware is replaced.", flush=True)
        return
    if args.yes:
        return
    what = next(
        (f" ({each.description})" for each in list_ports() if port in (each.path, each.by_id)), ""
    )
    told = f"{port}{what} does not answer as our light, so it may be anything"
    if not sys.stdin.isatty():
        raise CommandError(f"{told}; nothing was written: say --yes if it may be overwritten")
    answer = input(f"{told}. Put the firmware for {board.title} on it? [y/N] ")
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandError("nothing was written")


def _flash_avr(
    board: AvrBoard, port: str, settings: dict[str, str], identity: protocol.Identity | None
) -> str:
    if identity is None:
        settings.setdefault("SERIAL_NUMBER", avr.serial_number(secrets.token_bytes(8)))
    else:
        settings = avr.settings_told(identity) | settings  # the same light as before
        if untold := [name for name in avr.UNTOLD if name not in settings]:
            print(
                f"A board does not tell {', '.join(untold)}: what was set there is the usual "
                "again, unless you name it with --set.",
                flush=True,
            )
    before = device_of(port, devices())
    with TemporaryDirectory(prefix="busylight-flash-") as directory:
        firmware = avr.build(Path(directory), settings, avr.chip_of(board.mcu))
        print(f"{firmware}\nWriting it with avrdude …", flush=True)
        where = avrdude.bootloader_port(port) if board.touch else port
        avrdude.flash(board, where, firmware.hex)
    if board.touch:
        time.sleep(_RESTART)
        return _back(before.path, port)
    return port


def _copy(port: str, settings: dict[str, str], identity: protocol.Identity | None) -> str:
    before = device_of(port, devices())

    def again() -> str:
        time.sleep(_RESTART)
        deadline = time.monotonic() + _BACK_LIMIT
        while time.monotonic() < deadline:
            if (path := find_again(before, devices())) is not None:
                return path
            time.sleep(0.2)
        return _back(before.path, port)

    if identity is not None and identity.capabilities & protocol.HAS_REPL:
        asyncio.run(_give_prompt(port))
        port = again()
    print("Copying the files with mpremote …", flush=True)
    mpremote_copy.flash(port, settings)
    return again()


async def _give_prompt(port: str) -> None:
    conversation = Conversation(port, _BAUD)
    await conversation.begin()
    await conversation.ask(protocol.REPL, protocol.REPL_WORD)
    await conversation.end(in_order=True)


def _back(path: str, port: str) -> str:
    """The port of a board that has restarted: where it was, or the one that says it is ours."""
    deadline = time.monotonic() + _BACK_LIMIT
    while time.monotonic() < deadline:
        if Path(path).exists():
            return port if Path(port).exists() else path
        ours = [each for each in list_ports() if each.is_ours]
        if len(ours) == 1:
            return ours[0].by_id or ours[0].path
        time.sleep(0.2)
    raise CommandError(
        f"the firmware is on the board, but its port has not come back within {_BACK_LIMIT:g} s: "
        "unplug it, plug it in again, and look with `busylight devices`"
    )
