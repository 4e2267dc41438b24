"""Ways of running jobs: each pool is a small object with the same few methods."""
