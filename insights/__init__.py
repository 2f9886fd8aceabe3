"""What works: which hours, which hashtags, and how the posts that we published are doing."""
