"""Where the program touches the world: clocks, threads, files, logs. Shared by all parts."""
