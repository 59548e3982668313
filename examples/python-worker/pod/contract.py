"""What the controller passes to a worker pod: environment variables, documented in docs/pod-contract.md."""

import json
import socket
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlparse

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError

from .log import log

SOCKET_TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class Contract:
    """What the controller passes to the pod in environment variables."""

    # queue: metadata.name of the Queue; name and prefix: where it is in Redis; jobTimeoutMs, if any: how long a run may take
    queues: list[dict[str, Any]]
    concurrency: int  # jobs at once, over all queues
    pool: str
    namespace: str
    version: str
    pod_name: str
    grace_seconds: float  # from SIGTERM until jobs are asked to stop
    drain_seconds: float  # from SIGTERM until the process is gone
    http_port: int

    @staticmethod
    def read(env: dict[str, str]) -> "Contract":
        return Contract(
            queues=json.loads(env["RQ_QUEUES"]),
            concurrency=int(env.get("RQ_CONCURRENCY") or 10),
            pool=env.get("RQ_POOL", ""),
            namespace=env.get("RQ_POOL_NAMESPACE", ""),
            version=env.get("RQ_VERSION", ""),
            pod_name=env.get("RQ_POD_NAME") or socket.gethostname(),
            grace_seconds=int(env.get("RQ_GRACE_PERIOD_MS") or 30_000) / 1000,
            drain_seconds=int(env.get("RQ_MAX_DRAIN_TIME_MS") or 600_000) / 1000,
            http_port=int(env.get("RQ_HTTP_PORT") or 9100),
        )


def redis_options(env: dict[str, str]) -> dict[str, Any]:
    """Options of redis-py: REDIS_URL, or REDIS_HOST, _PORT and _DB; user and password that are named override the URL's."""
    env = {name: text.strip() for name, text in env.items()}
    if env.get("REDIS_PORT", "").startswith("tcp://"):  # what Kubernetes says of a Service named redis
        del env["REDIS_PORT"]
    for other in ("HOST", "PORT", "DB"):
        if env.get("REDIS_URL") and env.get(f"REDIS_{other}"):
            raise SystemExit(
                f"REDIS_URL and REDIS_{other} both say where Redis is;"
                f" remove redis-url or redis-{other.lower()} from the Secret"
            )
    url = urlparse(env.get("REDIS_URL", ""))
    host = url.hostname or env.get("REDIS_HOST")
    if not host:
        raise SystemExit("neither REDIS_URL nor REDIS_HOST is set; the Secret needs redis-url or redis-host")
    options: dict[str, Any] = {
        # redis-py gives up after 5 s, just as long as BullMQ lets Redis wait for a job: whichever is first wins, and a
        # loss costs back-offs of up to 20 s. BullMQ waits 10 s at most; a dead connection is detected after this
        # timeout.
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "host": host,
        "port": url.port or int(env.get("REDIS_PORT") or 6379),
        "db": int(url.path.strip("/") or env.get("REDIS_DB") or 0),
        "username": env.get("REDIS_USERNAME") or unquote(url.username or "") or None,
        "password": env.get("REDIS_PASSWORD") or unquote(url.password or "") or None,
    }
    if env.get("REDIS_TLS") == "true" or url.scheme == "rediss":
        options["ssl"] = True
        if env.get("NODE_EXTRA_CA_CERTS"):  # where the pool puts redis-ca.crt of the Secret
            options["ssl_ca_certs"] = env["NODE_EXTRA_CA_CERTS"]
        if env.get("REDIS_TLS_CERT_FILE"):  # the client certificate, where Redis asks for one
            options["ssl_certfile"] = env["REDIS_TLS_CERT_FILE"]
            options["ssl_keyfile"] = env.get("REDIS_TLS_KEY_FILE")
    if env.get("REDIS_TLS_SERVER_NAME"):
        if not options.pop("ssl", False):
            raise SystemExit("REDIS_TLS_SERVER_NAME is set and TLS is not: set REDIS_TLS=true or a rediss:// URL")
        return {"connection_pool": _pool_by_name(env["REDIS_TLS_SERVER_NAME"], options)}
    return options


def _pool_by_name(server_name: str, options: dict[str, Any]) -> ConnectionPool:
    """Connections that expect another name in the certificate than the host's, which redis-py has no option for."""

    class NamedConnection(SSLConnection):
        def _connection_arguments(self) -> dict[str, Any]:
            return {**super()._connection_arguments(), "server_hostname": server_name}

        async def _connect(self) -> None:
            try:
                await super()._connect()
            except ssl.SSLCertVerificationError as error:  # tried again for long before anybody hears of it
                log("warn", f"Redis: {error.verify_message} (REDIS_TLS_SERVER_NAME)")
                raise

    # What BullMQ sets on the connections that it makes itself, and a pool that is given has to bring along.
    again = {
        "retry": Retry(ExponentialBackoff(cap=20, base=1), 20),
        "retry_on_error": [BusyLoadingError, ConnectionError, TimeoutError],
    }
    return ConnectionPool(connection_class=NamedConnection, decode_responses=True, **again, **options)
