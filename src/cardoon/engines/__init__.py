"""Floor 1: where jobs are kept. Engines see messages, never tasks."""
