"""What the hottest paths do, counted instead of timed: the same on every machine, however busy it is."""
