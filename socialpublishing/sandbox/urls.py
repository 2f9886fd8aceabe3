"""All URLs of the sandbox: each platform's paths below its name, and the sandbox's own."""

from django.urls import include, path

from socialpublishing.sandbox import control, feed
from socialpublishing.sandbox.register import PLATFORMS

urlpatterns = [
    *(
        path(f"{name}/", include(list(platform.urlpatterns)))
        for name, platform in PLATFORMS.items()
    ),
    path("control/", include(control.urlpatterns)),
    path("", include(feed.urlpatterns)),
]
