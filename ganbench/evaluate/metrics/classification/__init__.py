"""Metrics of classification and clustering."""
