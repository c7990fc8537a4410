"""The addresses of an account's own pages."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import views

urlpatterns = [
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("account/", views.AccountPage.as_view(), name="account"),
    path("account/username/", views.ChangeUsername.as_view(), name="change-username"),
    path("account/username/check/", views.check_username, name="check-username"),
    path("account/watching/", views.ChangeWatching.as_view(), name="change-watching"),
    path("account/api-key/", views.ChangeSignApiKey.as_view(), name="change-api-key"),
    path("account/proxy/", views.ChangeProxy.as_view(), name="change-proxy"),
    path("account/language/", views.ChangeLanguage.as_view(), name="change-language"),
    path("account/transcripts/", views.ChangeTranscripts.as_view(), name="change-transcripts"),
    path("account/email/", views.ChangeEmail.as_view(), name="change-email"),
    path("account/password/", views.ChangePassword.as_view(), name="change-password"),
    path("account/tokens/", views.IssueToken.as_view(), name="issue-token"),
    path("account/tokens/<int:pk>/revoke/", views.RevokeToken.as_view(), name="revoke-token"),
    path("login/reset/", views.ResetPassword.as_view(), name="reset-password"),
    path(
        "login/reset/<uidb64>/<token>/", views.ChooseNewPassword.as_view(), name="choose-password"
    ),
]
