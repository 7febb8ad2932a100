"""`ganbench time`: what a training round costs, and why."""
