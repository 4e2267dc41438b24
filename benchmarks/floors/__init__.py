"""The least that Python can do on this machine: the sqlite3 module alone, without Cardoon."""
