#!/usr/bin/env python
"""Runs the commands of the service: `python manage.py help`."""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        django.setup()
    except ImproperlyConfigured as error:
        sys.exit(f"The settings cannot be used: {error}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
