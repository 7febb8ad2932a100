"""The one trainer that every variant shares."""
