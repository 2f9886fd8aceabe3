from django.urls import path

from publishing.batch_views import BatchViewSet, ValidationViewSet
from publishing.views import PublishingViewSet, PublishJobViewSet

urlpatterns = [
    path("publish", PublishingViewSet.as_view({"post": "publish"})),
    path("schedule", PublishingViewSet.as_view({"post": "schedule"})),
    path("validate", ValidationViewSet.as_view({"post": "validate"})),
    path("batches", BatchViewSet.as_view({"post": "create"})),
    path(
        "batches/<uuid:batch_id>", BatchViewSet.as_view({"get": "retrieve"}), name="publish-batch"
    ),
    path("batches/<uuid:batch_id>/cancel", BatchViewSet.as_view({"post": "cancel"})),
    path("jobs", PublishJobViewSet.as_view({"get": "list"})),
    path(
        "jobs/<uuid:job_id>",
        PublishJobViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="publish-job",
    ),
    path("jobs/<uuid:job_id>/status", PublishJobViewSet.as_view({"get": "status"})),
    path("jobs/<uuid:job_id>/events", PublishJobViewSet.as_view({"get": "events"})),
    path("jobs/<uuid:job_id>/cancel", PublishJobViewSet.as_view({"post": "cancel"})),
    path("jobs/<uuid:job_id>/post", PublishJobViewSet.as_view({"delete": "take_down"})),
    path("jobs/<uuid:job_id>/resolve", PublishJobViewSet.as_view({"post": "resolve"})),
    path("jobs/<uuid:job_id>/retry", PublishJobViewSet.as_view({"post": "retry"})),
]
