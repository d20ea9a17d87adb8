"""The way to a broker, for the output `mqtt` and the source `mqtt` alike."""
