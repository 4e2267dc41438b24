"""Private servers, to kill and to start again: Redis (or Valkey) and PostgreSQL."""
