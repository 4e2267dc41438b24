"""Where the jobs of a mixed pool run: each lane is a small object with the same few methods."""
