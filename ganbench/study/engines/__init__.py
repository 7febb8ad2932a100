"""Engines: what runs trials in worker processes."""
