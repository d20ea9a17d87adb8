"""`busylight devices`: the serial ports there are, and the setting that selects each."""

import argparse
from pathlib import Path

from busylight.cli.common import Exit, print_json
from busylight.outputs.serial.ports import describe, list_ports, port_document
from busylight.settings.variables import read_variables


def main(args: argparse.Namespace) -> int:
    """List what is plugged in. Nothing is opened, and no setting is needed."""
    if args.env_file is not None:
        read_variables(Path(args.env_file), {})  # a named file that is missing is told all the same
    ports = list_ports()
    if args.json:
        print_json({"serial_ports": [port_document(port) for port in ports]})
    elif ports:
        print("\n\n".join(describe(port) for port in ports))
    else:
        print("No serial port is plugged in. A light that was just connected takes a second.")
    return Exit.OK
