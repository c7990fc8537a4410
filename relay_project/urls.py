"""The addresses of the pages. Those of the sockets are in live/server/routing.py."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

from relay_project.api import api

# The header leads to all pages, and the list of the admin's is short.
admin.site.enable_nav_sidebar = False

urlpatterns = [
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("jsi18n/", JavaScriptCatalog.as_view(), name="jsi18n"),
    path("", include("accounts.urls")),
    path("", include("live.urls")),
]
