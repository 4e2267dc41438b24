"""PostgreSQL, 13 or newer: jobs in a schema of their own, beside or apart from the application's tables."""
