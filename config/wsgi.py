"""The web process: `gunicorn config.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Threads share connections here; a worker, which forks, must not. So it is told to the settings
# alone, and to no process that this one might start.
os.environ["DATABASE_POOL"] = "true"
application = get_wsgi_application()
del os.environ["DATABASE_POOL"]
