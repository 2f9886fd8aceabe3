"""Studies that are run by hand and written into docs/: how well, and how fast, things work."""
