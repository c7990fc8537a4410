"""Django's settings, read from the environment. docs/operate/settings.md lists the variables."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from relay_project import __version__
from relay_project import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = __version__

SECRET_KEY = env.secret_key("SECRET_KEY", BASE_DIR / ".secret_key")
# Secret keys from before. What they signed and encrypted is still read, but nothing new uses them.
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.boolean("DEBUG", default=False)
USUAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", default=USUAL_HOSTS)
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
# The pages of other sites that may open sockets at /ws; empty for all. No browser sends a token by
# itself, as it does with cookies, so a page gains nothing by its visitor.
ALLOWED_ORIGINS = env.page_origins("ALLOWED_ORIGINS")
# The address of this server's source. Every page has this link, because the AGPL requires it.
SOURCE_URL = env.url("SOURCE_URL", default="")
# The reverse proxies whose headers X-Forwarded-For and X-Forwarded-Proto are believed.
TRUSTED_PROXIES = env.proxies("TRUSTED_PROXIES")
# Whether whoever connects by a Unix socket is such a proxy.
TRUSTS_UNIX_SOCKET = env.trusts_unix_socket("TRUSTED_PROXIES")
# Who may read /metrics.
METRICS_ALLOW = env.networks("METRICS_ALLOW", default=["127.0.0.0/8", "::1"])
# Whether people use this server by https only, through a proxy. Cookies are then never sent by
# plain http.
HTTPS_ONLY = env.boolean("HTTPS_ONLY", default=False)

# --- The relay ---------------------------------------------------------------------------------
TIKTOK_APP_URL = env.url("TIKTOK_APP_URL", default="https://www.tiktok.com")
TIKTOK_WEBCAST_URL = env.url("TIKTOK_WEBCAST_URL", default="https://webcast.tiktok.com/webcast")
TIKTOK_SOCKET_URL = env.socket_url(
    "TIKTOK_SOCKET_URL", default="wss://webcast-ws.tiktok.com/webcast"
)
# The routes to TikTok's socket, in the order in which they are tried; see live/tiktok/routes.py.
TIKTOK_ROUTES = env.routes("TIKTOK_ROUTES", known=["signed", "direct"], default="signed")
TIKTOK_PROXY = env.proxy("TIKTOK_PROXY")
# Whether accounts may choose a proxy of their own. If not, only staff may choose it for them: this
# server connects to that address, so its owner could look around in the server's own network.
RELAY_OWN_PROXIES = env.boolean("RELAY_OWN_PROXIES", default=False)
SIGN_API_URL = env.url("SIGN_API_URL", default="https://api.eulerstream.com")
SIGN_API_KEY = env.api_key("SIGN_API_KEY")
# Whether the stand-in plays TikTok, so that every page says so.
RELAY_STANDIN = env.boolean("RELAY_STANDIN", default=False)
RELAY_START_COMMAND = env.text("RELAY_START_COMMAND", default="make run")
RELAY_CONNECT_TIMEOUT = env.seconds("RELAY_CONNECT_TIMEOUT", default=20, minimum=0.1)
RELAY_BLOCK_PAUSE = env.seconds("RELAY_BLOCK_PAUSE", default=15, minimum=0, maximum=300)
RELAY_IDLE_TIMEOUT = env.seconds("RELAY_IDLE_TIMEOUT", default=60, minimum=0.1)
RELAY_LINGER = env.seconds("RELAY_LINGER", default=30, minimum=0)
RELAY_RECONNECT_FOR = env.seconds("RELAY_RECONNECT_FOR", default=300, minimum=0)
RELAY_SEND_TIMEOUT = env.seconds("RELAY_SEND_TIMEOUT", default=30, minimum=1)
RELAY_WAIT_INTERVAL = env.seconds("RELAY_WAIT_INTERVAL", default=60, minimum=0.1)
RELAY_TIKTOK_RATE = env.whole_number("RELAY_TIKTOK_RATE", default=20, minimum=1, maximum=10_000)
RELAY_BACKLOG = env.whole_number("RELAY_BACKLOG", default=4096, minimum=16, maximum=1_000_000)
RELAY_BACKLOG_BYTES = env.whole_number(
    "RELAY_BACKLOG_BYTES", default=8 * 2**20, minimum=65_536, maximum=2**30
)
RELAY_BACKLOG_BYTES_TOTAL = env.whole_number(
    "RELAY_BACKLOG_BYTES_TOTAL", default=512 * 2**20, minimum=2**20, maximum=2**40
)
RELAY_MAX_SOCKETS = env.whole_number("RELAY_MAX_SOCKETS", default=10, minimum=1, maximum=100_000)
# How many overlays an account may have, and how many sockets these may have open.
RELAY_MAX_OVERLAYS = env.whole_number("RELAY_MAX_OVERLAYS", default=20, minimum=1, maximum=10_000)
# How often an account may do what costs the server's limits: at once, and again in ten minutes.
RELAY_STREAM_STARTS = env.whole_number(
    "RELAY_STREAM_STARTS", default=30, minimum=1, maximum=100_000
)
RELAY_USERNAME_CHANGES = env.whole_number(
    "RELAY_USERNAME_CHANGES", default=20, minimum=1, maximum=100_000
)
RELAY_LOOKUPS = env.whole_number("RELAY_LOOKUPS", default=60, minimum=1, maximum=100_000)
RELAY_MAX_SOCKETS_PER_ADDRESS = env.whole_number(
    "RELAY_MAX_SOCKETS_PER_ADDRESS", default=200, minimum=1, maximum=100_000
)
# How many days a LIVE is kept after it was heard last; and what was said in it, where an account
# wants that.
RELAY_HISTORY_DAYS = env.whole_number("RELAY_HISTORY_DAYS", default=90, minimum=1, maximum=36_500)
RELAY_TRANSCRIPT_DAYS = env.whole_number(
    "RELAY_TRANSCRIPT_DAYS", default=7, minimum=1, maximum=36_500
)
# Where webhooks may go though it is not public: networks, and names of hosts.
WEBHOOK_ALLOW = env.webhook_targets("WEBHOOK_ALLOW")
RELAY_REQUEST_TIMEOUT = env.seconds("RELAY_REQUEST_TIMEOUT", default=10, minimum=0.1)
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
# The beginning of the addresses that apps connect to. It is part of the published contract, so it
# is not read from the environment.
SOCKET_PATH = "/ws"
# Of the sockets for programs that understand TikFinity's local event API alone.
TIKFINITY_PATH = f"{SOCKET_PATH}/tikfinity"
# Whether there is a test endpoint at /ws/test, with invented events for developers of apps; and the
# folder of the recordings that it can play.
RELAY_TEST_ENDPOINT = env.test_endpoint("RELAY_TEST_ENDPOINT", debug=DEBUG)
RELAY_RECORDINGS = Path(env.text("RELAY_RECORDINGS", str(BASE_DIR / "recordings")))

# --- Django ------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "accounts",
    "live",
    "live.history",
    "live.webhooks",
    "live.overlays",
    "live.aloud",
    "standin",  # for the command replay_stream; servers use only its messages, for rehearsals
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
    "axes",
]
MIDDLEWARE = [
    "accounts.lockout.LimitingMiddleware",
    "live.api.errors.explain_errors",
    "relay_project.middleware.forwarded_proto",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "relay_project.wrong_host.answer_wrong_hosts",
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
                "relay_project.context.standin",
            ],
            # Each page shows times in the same way.
            "builtins": ["live.templatetags.times"],
        },
    },
]

DATABASES = {"default": env.database("DATABASE_URL", default=BASE_DIR / "db.sqlite3")}
# Where streams are kept while no process runs, so that phones go on after a restart.
RELAY_STATE_FILE = env.state_file(
    "RELAY_STATE_FILE", database=DATABASES["default"], folder=BASE_DIR
)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # With WAL, readers and a writer don't wait for each other. With IMMEDIATE, a second writer
    # waits for the first one instead of failing, but no longer than the timeout, in seconds.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 5,
        **DATABASES["default"].get("OPTIONS", {}),
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    # How long to wait for PostgreSQL's host. DATABASE_URL may say otherwise. Servers also limit
    # how long a statement may take: see relay_project.startup.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 10,  # seconds
        "tcp_user_timeout": 30_000,  # milliseconds
        "keepalives_idle": 30,  # seconds
        "keepalives_interval": 10,  # seconds
        "keepalives_count": 3,
        **DATABASES["default"].get("OPTIONS", {}),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# How to connect to Redis; empty without REDIS_URL.
REDIS = env.redis("REDIS_URL")
# The channel layer delivers control messages to the relays, and news to the staff's pages.
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}
if REDIS:
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            # Without limits, whoever sends a message would wait for a Redis that hangs.
            "hosts": [{**REDIS, "socket_connect_timeout": 5, "socket_timeout": 5}],
            # Redis delivers to all of its databases. Relays with one database belong together.
            "prefix": f"relay.{REDIS['db']}.",
        },
    }

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # Apart from others, and large, so that nobody pushes the counts out by inventing usernames.
    "wrong passwords": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "wrong passwords",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}

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
# The same hashes as those of Django, two at a time.
PASSWORD_HASHERS = ["accounts.hashing.PatientPasswordHasher"]
AUTHENTICATION_BACKENDS = [
    "accounts.lockout.LimitingBackend",  # refuses clients that sent too many passwords
    "axes.backends.AxesStandaloneBackend",  # refuses clients that sent too many wrong passwords
    "django.contrib.auth.backends.ModelBackend",
]
# Wrong passwords are counted in memory. In the database, each guess would be a row.
AXES_HANDLER = "axes.handlers.cache.AxesCacheHandler"
AXES_CACHE = "wrong passwords"
# It warns of a cache that processes don't share. There is one process.
SILENCED_SYSTEM_CHECKS = ["axes.W001"]
# The number of wrong passwords for one username from one address before a lockout, and how long
# that is. The template registration/locked_out.html also says how long.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.client_address"
AXES_LOCKOUT_CALLABLE = "accounts.lockout.locked_out"
AXES_RESET_ON_SUCCESS = True
# Attempts during a lockout don't make it longer, and are not stored.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# django-fernet-encrypted-fields makes its key from SECRET_KEY and this value, which is not secret.
SALT_KEY = "relay.accounts.sign_api_key"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
# Where staff land who sign in.
STAFF_LOGIN_REDIRECT_URL = "staff"
# The templates of the account page and of the page that shows a new token. They extend those of
# `accounts` by the parts about LIVEs.
ACCOUNT_TEMPLATE = "live/account/account.html"
ISSUED_TOKEN_TEMPLATE = "live/account/token_issued.html"
LOGOUT_REDIRECT_URL = "login"

# The mail server, for lost passwords. Without one, the pages don't offer to send emails.
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

# Who is told when something is wrong with the server; nobody if both are empty.
ALERT_EMAILS = env.receivers("ALERT_EMAILS", can_send=SENDS_EMAIL)
ALERT_WEBHOOK = env.webhook("ALERT_WEBHOOK")
ALERT_WEBHOOK_SECRET = env.webhook_secret("ALERT_WEBHOOK_SECRET")
# Seconds for which something has to be wrong, and to be right again.
ALERT_AFTER = env.seconds("ALERT_AFTER", default=60, minimum=0, maximum=3600)

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS_ONLY
SECURE_HSTS_SECONDS = 86_400 if HTTPS_ONLY else 0
# The proxy redirects to https: a redirect here would also catch requests that no proxy passed on,
# such as health checks from the machine itself. Subdomains may be other people's, so HSTS leaves
# them out, and so does preloading. These checks of `check --deploy` are therefore answered.
SILENCED_SYSTEM_CHECKS += ["security.W005", "security.W008", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Pages load nothing from other hosts, and use no scripts and styles that are written in the HTML.
# This server itself loads TikTok's pictures, in live/tiktok/pictures.py.
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
FORMAT_MODULE_PATH = "relay_project.formats"  # the admin's times

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]  # files that the pages of several apps use
# Serve static files directly from the apps' folders, so that collectstatic is not needed.
SERVESTATIC_USE_FINDERS = True

# A line of the log: for people, or a JSON object for programs.
LOG_FORMAT = env.choice("LOG_FORMAT", default="text", choices=["text", "json"])
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "()": "live.server.log_format.TextFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
        "json": {"()": "live.server.log_format.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "live": {"level": "INFO"},
        "accounts": {"level": "INFO"},
        "daphne.server": {"level": "INFO"},
        # Without this, every answer 4xx would be a warning. The server's access log has them.
        "django.request": {"level": "ERROR"},
        # Anybody can send wrong passwords, and so fill the log. The access log has these requests,
        # with status 429 during a lockout.
        "axes": {"level": "ERROR"},
        # Anybody can send a wrong Host header, and so fill the log: relay_project.wrong_host logs
        # some of them.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}

if REDIS:
    LOGGING["filters"] = {"redis": {"()": "live.cluster.scripts.WithoutFailures"}}
    LOGGING["loggers"]["channels_redis.pubsub"] = {"filters": ["redis"]}

if LOG_FORMAT == "json":
    # Uvicorn formats its own lines, unless it is told otherwise. The levels stay as it was started.
    for name in ("uvicorn", "uvicorn.access"):
        LOGGING["loggers"][name] = {"handlers": ["console"], "propagate": False}

# Variables that are set but that nothing reads. The server logs their names when it starts.
UNKNOWN_VARIABLES = env.unknown(("ALERT_", "RELAY_", "TIKTOK_"), others={"TIKTOK_CAPTURES"})
