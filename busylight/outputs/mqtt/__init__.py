"""The light on a broker, for Home Assistant and everybody else: topics as in docs/mqtt.md."""
