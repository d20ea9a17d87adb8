"""Everything that presence is read from. Sources know the core and nothing of each other."""
