"""The pure core: what is known, what was asked for, and what the light shall show.

Plain functions on frozen values. Nothing here reads a clock, a file or a network; moments are
seconds on a clock that counts through suspend (`busylight.edge.clock`), handed in as `now`.
"""
