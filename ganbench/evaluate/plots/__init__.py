"""Plots of what a model generates."""
