"""A picture of the light in the terminal."""
