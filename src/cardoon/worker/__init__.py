"""Floor 4: running jobs."""
