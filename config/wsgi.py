"""Django in a web process (config/web/application.py)."""

import os

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from config.start import demand_readiness, refuse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The threads of this process share connections. A worker forks and must not share them. So only the
# settings of this process see the variable, and no child process.
os.environ["DATABASE_POOL"] = "true"
try:
    application = get_wsgi_application()
    demand_readiness()
except ImproperlyConfigured as error:
    refuse([str(error)])
del os.environ["DATABASE_POOL"]
