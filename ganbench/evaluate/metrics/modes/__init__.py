"""Metrics of mode coverage."""
