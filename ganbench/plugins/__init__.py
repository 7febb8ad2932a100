"""Plug-ins: how a name, a file or a module becomes a variant, a metric, a data set
or an extractor, and whose code that is. Importing this imports no torch and runs no plug-in.
"""

from ganbench.plugins.owners import owner_of

__all__ = ["owner_of"]
