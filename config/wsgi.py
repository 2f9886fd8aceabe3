"""The web process: `gunicorn config.wsgi`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Only the web pools its database connections: a pool does not survive the worker's forks.
os.environ["DATABASE_POOL"] = "true"

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
