from django.urls import path

from socialpublishing.events.views import EventViewSet

urlpatterns = [path("events", EventViewSet.as_view({"get": "read"}))]
