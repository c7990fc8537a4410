"""The addresses of this app's pages."""

from django.urls import path

from live import docs, views

urlpatterns = [
    path("staff/streams/", views.StreamList.as_view(), name="streams"),
    path("docs/", docs.reference, name="docs"),
    path("docs/asyncapi.yaml", docs.asyncapi, name="docs-asyncapi"),
    path("docs/schemas/<slug:type>.json", docs.schema, name="docs-schema"),
    path("staff/connections/", views.ConnectionList.as_view(), name="connections"),
    path("staff/connections/<int:pk>/", views.ConnectionDetail.as_view(), name="connection"),
]
