"""The service's settings, with a django-q2 cluster as a Django project would have it.

For `benchmarks.peers`: one task for each job.
"""

from config.settings import *  # noqa: F403

Q_CLUSTER = {
    "name": "peer",
    "orm": "default",
    "workers": 16,
    "timeout": 60,
    "retry": 120,
    "poll": 0.2,
    "scheduler": False,
}
