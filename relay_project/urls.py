"""The addresses of the pages. Sockets: live/routing.py."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from relay_project.api import api

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="connections"), name="home"),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("", include("live.urls")),
]
