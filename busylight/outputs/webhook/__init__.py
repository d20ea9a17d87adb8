"""Any URL: what is shown, as JSON, to whoever listens there."""
