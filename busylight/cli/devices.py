"""`busylight devices`: the serial ports and lights there are, and the setting for each."""

import argparse
import asyncio
import queue
import threading
from typing import Any, Final

from busylight.cli.common import (
    CommandError,
    Exit,
    env_file_is_there,
    print_json,
    settings_of,
    state_dir_of,
)
from busylight.outputs.serial.confirmed import recall
from busylight.outputs.serial.finding import marked
from busylight.outputs.serial.identity import Device as SerialPort
from busylight.outputs.serial.ports import describe, list_ports, port_document
from busylight.parts import Device
from busylight.settings.faults import SettingsError
from busylight.settings.installed import OUTPUTS, Installed, PluginError, installed, loaded
from busylight.settings.outputs import prefix_of
from busylight.settings.variables import PREFIX

LIMIT: Final = 15.0
"""Seconds that an output may take to look for its devices."""


def main(args: argparse.Namespace) -> int:
    """List what is plugged in. Nothing is opened, and no setting is needed; but see `--ours`."""
    if args.udev_rules:
        return _print_udev_rules()
    if args.ours is not None:
        return _confirm(args)
    env_file_is_there(args)
    ports = marked(list_ports(), _confirmed(args))
    found = devices_found()
    if args.json:
        print_json({"serial_ports": [port_document(port) for port in ports], "outputs": found})
        return Exit.OK
    paragraphs = [describe(port) for port in ports]
    if not ports:
        text = "No serial port is plugged in. A light that was just connected takes a second."
        paragraphs.append(text)
    paragraphs += [text for document in found for text in _paragraphs(document)]
    print("\n\n".join(paragraphs))
    return Exit.OK


def _print_udev_rules() -> int:
    from busylight.outputs.usb.rules import udev_rules  # noqa: PLC0415 -- only here

    try:
        from busylight.outputs.usb.lights import supported  # noqa: PLC0415 -- an extra
    except ImportError:
        raise CommandError(
            "the lights of the output usb are known to the extra: "
            "pip install 'busylight-presence[usb]'"
        ) from None
    print(udev_rules(supported()), end="")
    return Exit.OK


def _confirmed(args: argparse.Namespace) -> SerialPort | None:
    """What `--ours` has remembered; None where the settings do not say where that is kept."""
    try:
        settings = settings_of(args, needs_source=False, needs_outputs=False)
    except SettingsError:
        return None  # ports are listed for whoever has yet to write them
    return recall(settings.state_dir)


def _confirm(args: argparse.Namespace) -> int:
    """Ask who is on the port that a person has named, and remember it if it is our light."""
    from busylight.cli.light_port import refuse_if_held  # noqa: PLC0415 -- only here a port is opened
    from busylight.outputs.serial.confirmed import remember  # noqa: PLC0415 -- the same
    from busylight.outputs.serial.conversation import identify  # noqa: PLC0415 -- the same
    from busylight.outputs.serial.ports import devices  # noqa: PLC0415 -- the same
    from firmware_bridge.words import describe as in_words  # noqa: PLC0415 -- the same

    settings = settings_of(args, needs_source=False, needs_outputs=False)
    state_dir = state_dir_of(settings)
    refuse_if_held(args.ours, settings)
    baud = 115_200 if settings.serial is None else settings.serial.baud
    identity = asyncio.run(identify(args.ours, baud))
    try:
        remember(state_dir, args.ours, devices())
    except OSError as error:
        raise CommandError(f"it cannot be kept in {state_dir}: {error.strerror}") from None
    print(f"{args.ours} has our light: {in_words(identity)}")
    print("BUSYLIGHT_SERIAL_PORT=auto finds it from now on, wherever it is plugged in.")
    return Exit.OK


def devices_found() -> list[dict[str, Any]]:
    """What each output that can look for devices finds."""
    outputs = [part for part in installed() if part.group == OUTPUTS]
    return [document for part in outputs if (document := _found(part)) is not None]


def _found(part: Installed) -> dict[str, Any] | None:
    """What an output finds; None for one that does not look for anything."""
    devices: list[Device] = []
    error = None
    try:
        look = getattr(loaded(part), "devices", None)
        if look is None:
            return None
        devices = _called(part, look)
    except PluginError as problem:
        error = str(problem)
    return {
        "output": part.name,
        "devices": [
            {
                "name": device.name,
                "settings": [
                    f"{PREFIX}{prefix_of(part.name)}{field.upper()}={value}"
                    for field, value in device.settings.items()
                ],
                "problem": device.problem,
            }
            for device in devices
        ],
        "error": error,
    }


def _called(part: Installed, look: Any) -> list[Device]:
    """Look in a thread that may hang; raises `PluginError` for whatever goes wrong."""
    answers: queue.SimpleQueue[list[Device] | BaseException] = queue.SimpleQueue()

    def call() -> None:
        try:
            answers.put([device for device in look() if isinstance(device, Device)])
        except BaseException as error:  # noqa: BLE001 -- whatever it raises is its fault alone
            answers.put(error)

    threading.Thread(target=call, name=f"devices of {part.name}", daemon=True).start()
    try:
        answer = answers.get(timeout=LIMIT)
    except queue.Empty:
        raise PluginError(f"looking for devices takes longer than {LIMIT:g} s") from None
    if isinstance(answer, BaseException):
        raise PluginError(f"looking for devices failed: {type(answer).__name__}: {answer}")
    return answer


def _paragraphs(document: dict[str, Any]) -> list[str]:
    name = document["output"]
    if document["error"]:
        return [f"{name}: {document['error']}"]
    if not document["devices"]:
        return [f"{name}: no light is found"]
    return [
        "\n".join(
            [
                device["name"],
                f"  {PREFIX}OUTPUTS={name}",
                *(f"  {line}" for line in device["settings"]),
                *([f"  {device['problem']}"] if device["problem"] else []),
            ]
        )
        for device in document["devices"]
    ]
