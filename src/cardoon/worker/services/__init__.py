"""What a supervisor does beside its children: one small object each, called when its time has come."""
