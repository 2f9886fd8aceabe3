"""What works: which hashtags, which hours. Its endpoints arrive with the insights themselves."""
