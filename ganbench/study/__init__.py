"""Many trials: what a study asks for, who runs it, and what it leaves."""
