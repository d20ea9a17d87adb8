"""Everything that shows a view. Outputs know the core and nothing of each other."""
