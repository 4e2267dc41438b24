"""Floor 0: what things are. Pure data and pure decisions; no I/O, nothing imported from above."""
