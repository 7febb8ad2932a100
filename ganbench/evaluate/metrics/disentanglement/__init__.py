"""Metrics of disentanglement."""
