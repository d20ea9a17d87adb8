"""A light that runs WLED, over the network."""
