from django.urls import path

from insights.views import InsightsViewSet

urlpatterns = [
    path("<str:platform>/hashtags", InsightsViewSet.as_view({"post": "hashtags"})),
    path("<str:platform>/best-times", InsightsViewSet.as_view({"get": "best_times"})),
]
