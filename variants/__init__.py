"""The first-party plug-ins: one variant per file, through the same door as anybody's."""
