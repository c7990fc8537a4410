"""Connections to the database that have time limits, for threads that do not serve pages."""

from __future__ import annotations

import math
import os
import socket
from contextlib import suppress

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["cut", "own_connection"]


def own_connection(connect: float = 5.0, statement: float = 5.0) -> BaseDatabaseWrapper:
    """Make a connection to the database for the calling thread, with time limits of its own.

    A PostgreSQL that is frozen does not keep the second limit itself, and the kernel goes on
    to answer for it. Somebody else has to `cut` such a connection.

    Args:
        connect: seconds to wait for a new connection; PostgreSQL's shortest limit is 2.
        statement: seconds that one statement may take, and SQLite may wait for whoever writes.
    """
    own = connections[DEFAULT_DB_ALIAS].copy()
    options = own.settings_dict["OPTIONS"]
    if own.vendor == "postgresql":
        options.pop("pool", None)  # whose connections have no such limits
        milliseconds = math.ceil(statement * 1000)
        # PostgreSQL heeds the last of several, so what the operator gives stays in force else.
        limit = f"-c statement_timeout={milliseconds}"
        options |= {
            "connect_timeout": max(2, math.ceil(connect)),
            "options": f"{options.get('options', '')} {limit}".strip(),
            "tcp_user_timeout": milliseconds,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        }
    elif own.vendor == "sqlite":
        options["timeout"] = statement
    return own


def cut(connection: BaseDatabaseWrapper | None) -> None:
    """End the connection of a thread that waits for the database, which then sees an error.

    May be called in any thread. Does nothing for SQLite, which keeps its limit itself.
    """
    pgconn = getattr(connection and connection.connection, "pgconn", None)
    if pgconn is not None:
        with (
            suppress(OSError, psycopg.Error),  # it has ended already
            socket.socket(fileno=os.dup(pgconn.socket)) as twin,
        ):
            twin.shutdown(socket.SHUT_RDWR)
