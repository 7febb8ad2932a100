"""Metrics of latent codes."""
