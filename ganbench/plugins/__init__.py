"""The door for variants: how a name, a file or a module becomes a class."""
