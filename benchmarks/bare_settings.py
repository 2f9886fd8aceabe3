"""The service's settings, with the view of `benchmarks.bare`."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.bare"
