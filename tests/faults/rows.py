"""All rows, in the table's order."""

from tests.faults import (
    broker_rows,
    graph_rows,
    machine_rows,
    part_rows,
    serial_rows,
    soak_rows,
)
from tests.faults.measure import ROWS

MODULES = (graph_rows, broker_rows, serial_rows, machine_rows, part_rows, soak_rows)
"""Imported so that their rows are registered."""
NAMES = tuple(ROWS)
