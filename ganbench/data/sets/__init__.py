"""The data sets that come with ganbench: a file each."""
