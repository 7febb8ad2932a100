"""Metrics of fidelity and diversity."""
