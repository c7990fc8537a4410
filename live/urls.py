"""The addresses of this app's pages."""

from django.urls import path

from live import views

urlpatterns = [
    path("staff/connections/", views.ConnectionList.as_view(), name="connections"),
    path("staff/connections/<int:pk>/", views.ConnectionDetail.as_view(), name="connection"),
]
