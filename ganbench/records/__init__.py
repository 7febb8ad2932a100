"""Records of trials: schemas, store, statistics, tables and plots."""
