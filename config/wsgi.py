"""Django in a web process (config/web/application.py)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The threads of this process share connections. A worker forks and must not share them. So only the
# settings of this process see the variable, and no child process.
os.environ["DATABASE_POOL"] = "true"
application = get_wsgi_application()
del os.environ["DATABASE_POOL"]
