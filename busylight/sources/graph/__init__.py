"""Presence from Microsoft Graph."""
