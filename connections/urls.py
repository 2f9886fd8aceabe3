from django.urls import path

from connections.callback_views import PlatformCallbackViewSet
from connections.connecting_views import CallbackViewSet, ConnectViewSet
from connections.views import ConnectionViewSet

urlpatterns = [
    path("connect/<str:platform>", ConnectViewSet.as_view({"get": "start"})),
    path("connect/<str:platform>/callback", CallbackViewSet.as_view({"get": "finish"})),
    path(
        "callbacks/<str:platform>/deauthorize",
        PlatformCallbackViewSet.as_view({"post": "deauthorize"}),
    ),
    path(
        "callbacks/<str:platform>/data-deletion",
        PlatformCallbackViewSet.as_view({"post": "delete_data"}),
    ),
    path(
        "callbacks/<str:platform>/data-deletion/<str:code>",
        PlatformCallbackViewSet.as_view({"get": "show_deletion"}),
    ),
    path("confirm", ConnectViewSet.as_view({"post": "confirm"})),
    path("", ConnectionViewSet.as_view({"get": "list"})),
    path(
        "<uuid:connection_id>",
        ConnectionViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    path(
        "<uuid:connection_id>/posting-options",
        ConnectionViewSet.as_view({"get": "posting_options"}),
    ),
    path("<uuid:connection_id>/refresh", ConnectionViewSet.as_view({"post": "refresh"})),
    path(
        "<uuid:connection_id>/destinations",
        ConnectionViewSet.as_view({"get": "destinations", "post": "create_destination"}),
    ),
    path(
        "<uuid:connection_id>/destinations/default",
        ConnectionViewSet.as_view({"put": "choose_default", "delete": "choose_none"}),
    ),
    path(
        "<uuid:connection_id>/destinations/<uuid:destination_id>/sections",
        ConnectionViewSet.as_view({"get": "sections", "post": "create_section"}),
    ),
]
