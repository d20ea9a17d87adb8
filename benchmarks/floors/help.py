"""Floor: a program that knows its arguments, and prints its help."""

import argparse

parser = argparse.ArgumentParser(prog="floor", description="Does nothing but this.")
parser.add_argument("--version", action="version", version="floor 1")
parser.add_argument("command", help="what to do")
parser.print_help()
