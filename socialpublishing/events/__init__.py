"""News for callers: what happened to their jobs, batches, connections and platforms.

An event is stored in the transaction of what it reports (outbox.py). Later it gets its place in
the feed, and with it its deliveries to webhooks (feed.py).
"""
