"""Pages that a browser reads from this machine: a run that goes on, a student to try."""
