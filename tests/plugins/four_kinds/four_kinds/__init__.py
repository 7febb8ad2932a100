"""Somebody else's package with a plug-in of every kind: tests install it, and never import it."""
