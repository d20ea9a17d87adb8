"""A light on a serial line."""
