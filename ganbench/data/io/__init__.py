"""Files and downloads: decoding, checks of integrity, streams."""
