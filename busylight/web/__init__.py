"""The page that the daemon serves itself, its API and its metrics.

It is run as the outputs are: it takes views from a slot, comes back after every fault, and delays
no light. Nothing but `settings`, `day` and `output` is loaded unless `WEB_LISTEN` is set.
"""
