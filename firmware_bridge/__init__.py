"""The DIY light: what goes over its wire, and a virtual one to try without a board.

Stands alone: imports nothing of `busylight`.
"""
