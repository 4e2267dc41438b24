"""Floor 3: tasks, as functions and classes declared by users."""
