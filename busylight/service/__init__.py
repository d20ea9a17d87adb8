"""Busylight as a service of systemd: its files, and putting them there."""
