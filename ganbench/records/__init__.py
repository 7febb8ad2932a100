"""What finished trials leave: record schemas, their store, statistics, tables and plots."""
