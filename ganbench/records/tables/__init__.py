"""Tables of a comparison in every format."""
