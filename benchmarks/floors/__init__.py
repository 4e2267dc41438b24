"""The least that Python can do on this machine: a driver alone, or a bare interpreter, without Cardoon."""
