"""`/metrics`: what Prometheus reads of the web process and of the database."""
