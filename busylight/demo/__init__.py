"""The stand-ins behind `busylight demo`."""
