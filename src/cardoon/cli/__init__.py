"""Floor 5: the command line. `main` finds a command by its name and imports only that one."""
