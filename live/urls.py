"""The addresses of this app's pages."""

from django.urls import include, path, register_converter
from django.views.generic import RedirectView

from live.pages import account as account_views
from live.pages import aloud, console, parts, pictures, token_state
from live.pages.connections import views as connection_views
from live.pages.dashboard import views as dashboard
from live.pages.docs import views as docs
from live.pages.lives import files, lists, page, recap
from live.pages.overlays import aloud as aloud_overlay
from live.pages.overlays import shown
from live.pages.overlays import views as overlays
from live.pages.webhooks import views as webhooks

register_converter(dashboard.UsernameConverter, "tiktok")

urlpatterns = [
    path("", console.Console.as_view(), name="home"),
    path("console/token/", console.ConsoleToken.as_view(), name="console-token"),
    path("manifest.webmanifest", console.manifest, name="manifest"),
    path("account/is-live/", account_views.is_live, name="is-live"),
    path(
        "account/tokens/<int:pk>/state.json", token_state.TokenState.as_view(), name="token-state"
    ),
    path("picture/", pictures.picture, name="picture"),
    path("aloud/", aloud.AloudPage.as_view(), name="aloud"),
    path("aloud/settings.json", aloud.AloudSettingsJson.as_view(), name="aloud-settings"),
    path("aloud/volume/", aloud.AloudVolume.as_view(), name="aloud-volume"),
    path("aloud/sounds/", aloud.UploadSound.as_view(), name="upload-sound"),
    path("aloud/sounds/<int:pk>/", aloud.SoundFile.as_view(), name="aloud-sound"),
    path("aloud/sounds/<int:pk>/delete/", aloud.DeleteSound.as_view(), name="delete-sound"),
    path("lives/", lists.OwnLives.as_view(), name="lives"),
    path("lives/last/", lists.LastLive.as_view(), name="last-live"),
    path("lives/last/recap.json", recap.LastRecap.as_view(), name="last-recap"),
    path(
        "lives/<int:pk>/",
        include(
            [
                path("", page.LivePage.as_view(), name="live"),
                path("recap.json", recap.RecapData.as_view(), name="live-recap"),
                path("all.json", files.LiveJson.as_view(), name="live-json"),
                path("<slug:table>.csv", files.LiveCsv.as_view(), name="live-csv"),
            ]
        ),
    ),
    path("staff/lives/", lists.AllLives.as_view(), name="all-lives"),
    path("staff/", dashboard.Dashboard.as_view(), name="staff"),
    path("staff/history.json", dashboard.LastHoursPage.as_view(), name="staff-history"),
    path("staff/parts/", parts.PartsPage.as_view(), name="parts"),
    path("staff/accounts/", dashboard.AffectedAccounts.as_view(), name="affected"),
    path("staff/streams/", RedirectView.as_view(pattern_name="staff"), name="streams"),
    path(
        "staff/streams/<tiktok:username>/",
        include(
            [
                path("", dashboard.StreamPage.as_view(), name="stream"),
                path("reconnect/", dashboard.ReconnectStream.as_view(), name="stream-reconnect"),
                path("disconnect/", dashboard.DisconnectStream.as_view(), name="stream-disconnect"),
                path("test/", dashboard.test_connection, name="stream-test"),
            ]
        ),
    ),
    path("webhooks/", webhooks.WebhookList.as_view(), name="webhooks"),
    path("webhooks/new/", webhooks.AddWebhook.as_view(), name="add-webhook"),
    path(
        "webhooks/<int:pk>/",
        include(
            [
                path("", webhooks.WebhookPage.as_view(), name="webhook"),
                path("change/", webhooks.ChangeWebhook.as_view(), name="change-webhook"),
                path("secret/", webhooks.RenewSecret.as_view(), name="renew-webhook-secret"),
                path("delete/", webhooks.DeleteWebhook.as_view(), name="delete-webhook"),
                path("switch/", webhooks.SwitchWebhook.as_view(), name="switch-webhook"),
                path("test/", webhooks.SendTest.as_view(), name="test-webhook"),
                path(
                    "deliveries/<int:delivery>/again/",
                    webhooks.SendAgain.as_view(),
                    name="send-again",
                ),
            ]
        ),
    ),
    path("overlays/", overlays.OverlayList.as_view(), name="overlays"),
    path("overlays/new/<slug:kind>/", overlays.NewOverlay.as_view(), name="new-overlay"),
    path("overlays/preview/<slug:kind>/", overlays.preview, name="overlay-preview"),
    path("overlays/<int:pk>/", overlays.ChangeOverlay.as_view(), name="overlay"),
    path("overlays/<int:pk>/renew/", overlays.renew, name="renew-overlay"),
    path("overlays/<int:pk>/delete/", overlays.DeleteOverlay.as_view(), name="delete-overlay"),
    path("overlays/<int:pk>/test/", overlays.test, name="test-overlay"),
    path("overlays/<int:pk>/state.json", overlays.state, name="overlay-state"),
    # What OBS opens, by the secret in the address.
    path("overlay/<str:secret>/", shown.overlay_page, name="shown-overlay"),
    path("overlay/<str:secret>/sums.json", shown.overlay_sums, name="overlay-sums"),
    path("overlay/<str:secret>/picture/", shown.overlay_picture, name="overlay-picture"),
    path("overlay/<str:secret>/aloud.json", aloud_overlay.overlay_settings, name="overlay-aloud"),
    path(
        "overlay/<str:secret>/sounds/<int:pk>/",
        aloud_overlay.overlay_sound,
        name="overlay-sound",
    ),
    path("overlays/texts/<slug:language>.js", aloud_overlay.script_texts, name="overlay-texts"),
    path("docs/", docs.start, name="docs"),
    path("docs/try/", docs.try_it, name="docs-try"),
    path("docs/reference/", docs.reference, name="docs-reference"),
    path("docs/search.<slug:language>.json", docs.search_index, name="docs-search"),
    path("docs/pictures/<slug:name>.png", docs.picture, name="docs-picture"),
    path("docs/asyncapi.yaml", docs.asyncapi, name="docs-asyncapi"),
    path("docs/schemas/<slug:type>.json", docs.schema, name="docs-schema"),
    path("docs/<slug:name>/", docs.guide_page, name="docs-guide"),
    path("staff/connections/", connection_views.ConnectionList.as_view(), name="connections"),
    path(
        "staff/connections.csv",
        connection_views.ConnectionExport.as_view(),
        name="connections-csv",
    ),
    path(
        "staff/connections/<int:pk>/",
        connection_views.ConnectionDetail.as_view(),
        name="connection",
    ),
]
