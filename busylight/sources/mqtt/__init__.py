"""Presence that others publish on a broker: docs/sources.md."""
