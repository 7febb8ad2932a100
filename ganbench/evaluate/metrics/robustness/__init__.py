"""Metrics of robustness."""
