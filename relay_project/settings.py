"""Django's settings, read from the environment. docs/operate/settings.md lists the variables."""

from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from relay_project import __version__
from relay_project import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = __version__

SECRET_KEY = env.secret_key("SECRET_KEY", BASE_DIR / ".secret_key")
DEBUG = env.boolean("DEBUG", default=False)
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
# Where people get the source of this very server, as the AGPL asks; a link on every page.
SOURCE_URL = env.url("SOURCE_URL", default="")
# Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
# People come by https alone, through a proxy: what says who they are must not travel otherwise.
HTTPS_ONLY = env.boolean("HTTPS_ONLY", default=False)

# --- The relay ---------------------------------------------------------------------------------
TIKTOK_APP_URL = env.url("TIKTOK_APP_URL", default="https://www.tiktok.com")
TIKTOK_WEBCAST_URL = env.url("TIKTOK_WEBCAST_URL", default="https://webcast.tiktok.com/webcast")
SIGN_API_URL = env.url("SIGN_API_URL", default="https://api.eulerstream.com")
SIGN_API_KEY = env.api_key("SIGN_API_KEY")
RELAY_CONNECT_TIMEOUT = env.seconds("RELAY_CONNECT_TIMEOUT", default=20, minimum=0.1)
RELAY_IDLE_TIMEOUT = env.seconds("RELAY_IDLE_TIMEOUT", default=60, minimum=0.1)
RELAY_LINGER = env.seconds("RELAY_LINGER", default=30, minimum=0)
RELAY_RECONNECT_ATTEMPTS = env.whole_number(
    "RELAY_RECONNECT_ATTEMPTS", default=5, minimum=0, maximum=1000
)
RELAY_SEND_TIMEOUT = env.seconds("RELAY_SEND_TIMEOUT", default=30, minimum=1)
RELAY_WAIT_INTERVAL = env.seconds("RELAY_WAIT_INTERVAL", default=60, minimum=0.1)
RELAY_BACKLOG = env.whole_number("RELAY_BACKLOG", default=4096, minimum=16, maximum=1_000_000)
RELAY_MAX_SOCKETS = env.whole_number("RELAY_MAX_SOCKETS", default=10, minimum=1, maximum=100_000)
RELAY_PICTURE_HOSTS = env.picture_hosts(
    "RELAY_PICTURE_HOSTS",
    default=[
        ".tiktokcdn.com",
        ".tiktokcdn-eu.com",
        ".tiktokcdn-us.com",
        ".ttwstatic.com",
        ".ibyteimg.com",
        ".byteoversea.com",
        ".muscdn.com",
    ],
)
# Where phones connect. It is part of the published contract, and so can't be chosen.
SOCKET_PATH = "/ws"
# Generated events at /ws/test, for those who build an app; and recordings that it can play.
RELAY_TEST_ENDPOINT = env.test_endpoint("RELAY_TEST_ENDPOINT", debug=DEBUG)
RELAY_RECORDINGS = Path(env.text("RELAY_RECORDINGS", str(BASE_DIR / "recordings")))

# --- Django ------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "accounts",
    "live",
    "standin",  # for replay_stream; servers import its messages, for rehearsals, and nothing else
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
    "ninja",  # the files of its documentation page
    "axes",
]
MIDDLEWARE = [
    "live.api.errors.explain_errors",
    "relay_project.middleware.forwarded_proto",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "relay_project.urls"
ASGI_APPLICATION = "relay_project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "relay_project.context.source",
            ],
        },
    },
]

DATABASES = {"default": env.database("DATABASE_URL", default=BASE_DIR / "db.sqlite3")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Readers and the one writer do not wait for each other, and a writer waits its turn.
    DATABASES["default"]["OPTIONS"] = {
        **DATABASES["default"].get("OPTIONS", {}),
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Control messages: "this account has changed", "the staff's page has news".
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # refuses whoever has guessed too often
    "django.contrib.auth.backends.ModelBackend",
]
# Wrong passwords of one username from one address; registration/locked_out.html says how long.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.client_address"
AXES_LOCKOUT_TEMPLATE = "registration/locked_out.html"
AXES_RESET_ON_SUCCESS = True
# What comes while the door is shut is neither counted nor kept.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# Axes keeps the forms that failed, until they count no more: without these fields.
AXES_SENSITIVE_PARAMETERS = [
    "username",
    "ip_address",
    "csrfmiddlewaretoken",
    "current_password",
    "old_password",
    "new_password1",
    "new_password2",
]
# django-fernet-encrypted-fields derives its key from SECRET_KEY and this; it need not be secret.
SALT_KEY = "relay.accounts.sign_api_key"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
# Of the account page: what accounts have, and what the relay adds of their LIVEs.
ACCOUNT_TEMPLATE = "live/account/account.html"
LOGOUT_REDIRECT_URL = "login"

# For lost passwords. Where no email can be sent, no page speaks of it.
_EMAIL = env.email("EMAIL_URL")
SENDS_EMAIL = bool(_EMAIL)
EMAIL_HOST = _EMAIL.get("EMAIL_HOST", "localhost")
EMAIL_PORT = _EMAIL.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = _EMAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _EMAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = _EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _EMAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.sender("DEFAULT_FROM_EMAIL", default="relay@localhost")

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS_ONLY
SECURE_HSTS_SECONDS = 86_400 if HTTPS_ONLY else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Pages load nothing from other hosts, and run no script and no style that is written into them.
# TikTok's pictures come through live/tiktok/pictures.py.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],  # sockets too
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
LANGUAGE_CODES = [code for code, _name in LANGUAGES]
LANGUAGE_CODE = env.choice("LANGUAGE_CODE", default="en", choices=LANGUAGE_CODES)
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]  # what the pages of several apps share
# Static files are served as the apps ship them: no collectstatic step to forget.
SERVESTATIC_USE_FINDERS = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "live": {"level": "INFO"},
        "accounts": {"level": "INFO"},
        "daphne.server": {"level": "INFO"},
        # Every 4xx of the pages would be a warning here; the server's access log has them.
        "django.request": {"level": "ERROR"},
        # Anybody can send wrong passwords; the access log has them too, as 429 once it is enough.
        "axes": {"level": "ERROR"},
        # Anybody can send a wrong Host header; the answer is 400, not a traceback here.
        # relay_project.errors logs those that are worth a line.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}

# What is set and read by nothing; the server names them in its log when it starts.
UNKNOWN_VARIABLES = env.unknown(("RELAY_", "TIKTOK_"), others={"TIKTOK_CAPTURES"})
