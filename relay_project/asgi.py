"""The ASGI application that servers run. Django serves its pages, and the relay its sockets.

Import this module only to start a server. The import makes the relays, closes the rows in the
connection log that a crash left open, and ends the process if another one serves the database, or
if Redis is needed and can't be used.
"""

import gc
import logging
import os
from collections.abc import Callable

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay_project.settings")
pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from live.relay.relay import Relay  # noqa: E402
from live.relay.watched_accounts import WatchedAccounts  # noqa: E402
from live.server import access_log  # noqa: E402
from live.server.assembly import make_cluster, make_relay, make_webhooks  # noqa: E402
from live.server.door import bodies  # noqa: E402
from live.server.door import servers as door  # noqa: E402
from live.server.door.arrivals import Arrivals  # noqa: E402
from live.server.door.handshakes import EarlyRefusals  # noqa: E402
from live.server.door.sign_in import SignInDoor  # noqa: E402
from live.server.door.sockets import SocketDoor  # noqa: E402
from live.server.health import Check, DatabaseCheck, Health, not_stopping, redis_check  # noqa: E402
from live.server.lifespan import Lifespan, await_redis, begin_process  # noqa: E402
from live.server.metrics import Metrics  # noqa: E402
from live.server.rehearsing import RehearsalOnDemand  # noqa: E402
from live.server.routing import make_router, with_relays  # noqa: E402
from live.server.shutdown import GracefulShutdown  # noqa: E402
from live.server.starting import start_by_itself  # noqa: E402
from live.sockets.wire import servers  # noqa: E402
from relay_project.startup import limit_statements, warn_of_unknown_variables  # noqa: E402

servers.install()
access_log.install()
if settings.LOG_FORMAT == "json":
    logging.captureWarnings(True)  # else they would be lines of another format
warn_of_unknown_variables()
limit_statements()
await_redis(make_cluster)
begin_process()
cluster = make_cluster()
relay = make_relay(
    state_file=settings.RELAY_STATE_FILE,
    cluster=cluster,
    watched=WatchedAccounts(),
    keeps_history=True,
    webhooks=make_webhooks(),
)
relays = [relay]


def load_rehearsal() -> Callable[[], Relay]:
    from rehearsal.relay import make_rehearsal_relay

    return make_rehearsal_relay


previews = RehearsalOnDemand(relays, load_rehearsal)
rehearsal = previews.make() if settings.RELAY_TEST_ENDPOINT else None
# What has to be right before clients are sent to this server.
checks: dict[str, Check] = {"database": DatabaseCheck(), "server": not_stopping(relays)}
if cluster is not None:
    checks["redis"] = redis_check(cluster)
sockets = SocketDoor(
    make_router(relay, rehearsal, previews),
    relay,
    settings.RELAY_MAX_SOCKETS_PER_ADDRESS,
    settings.ALLOWED_ORIGINS,
    relay.shared_limits,
)
door.install(
    Arrivals(settings.RELAY_MAX_SOCKETS_PER_ADDRESS, settings.RELAY_REQUEST_TIMEOUT),
    bodies.MOST,
    EarlyRefusals(sockets),
)
application = GracefulShutdown(
    ProtocolTypeRouter(
        {
            "http": Health(
                Metrics(
                    bodies.Bodies(
                        SignInDoor(with_relays(pages, relays)),
                        bodies.MOST,
                        settings.RELAY_REQUEST_TIMEOUT,
                    ),
                    relays,
                    settings.METRICS_ALLOW,
                ),
                checks,
            ),
            "websocket": sockets,
            "lifespan": Lifespan(relays),
        }
    ),
    relays,
)
start_by_itself(application.start)
# What is here by now stays. The garbage collector need not look through it again and again, which
# would stop the event loop for a tenth of a second each time.
gc.collect()
gc.freeze()
