"""Lights from the shop, on USB."""
