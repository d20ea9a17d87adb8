"""The wiring: one source, one situation, any number of outputs, each in a task of its own."""
