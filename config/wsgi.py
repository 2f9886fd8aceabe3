"""Django in a web process (config/web/application.py)."""

import os

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from config.start import demand_readiness, refuse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
try:
    application = get_wsgi_application()
    demand_readiness()
except ImproperlyConfigured as error:
    refuse([str(error)])
# The settings of this process have seen it (config/web/__main__.py); no child process does.
os.environ.pop("DATABASE_POOL", None)
