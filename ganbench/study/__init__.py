"""Studies: many trials, planned, run and recorded."""
