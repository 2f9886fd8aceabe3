"""Best times to post, hashtags, and the metrics of published posts."""
