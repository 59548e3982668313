import os
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import SSLConnection
from redis.asyncio.sentinel import Sentinel


def read(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def expect_name(name: str) -> None:
    """Another name in the certificates than the host's, for all connections: redis-py has no option for it."""
    arguments = SSLConnection._connection_arguments
    SSLConnection._connection_arguments = lambda self: {**arguments(self), "server_hostname": name}


if name := read("REDIS_TLS_SERVER_NAME"):
    expect_name(name)


def connection() -> Redis | RedisCluster:
    """What REDIS_* of the pod contract say, for a Worker or Queue of BullMQ."""
    url = urlsplit(read("REDIS_URL") or "")
    options = {
        "username": read("REDIS_USERNAME") or unquote(url.username or "") or None,
        "password": read("REDIS_PASSWORD") or unquote(url.password or "") or None,
        "socket_timeout": 20,  # longer than BullMQ lets Redis wait for a job
        "decode_responses": True,
    }
    encrypted = read("REDIS_TLS") == "true" or url.scheme == "rediss"
    files = {
        "ssl_ca_certs": read("NODE_EXTRA_CA_CERTS"),
        "ssl_certfile": read("REDIS_TLS_CERT_FILE"),
        "ssl_keyfile": read("REDIS_TLS_KEY_FILE"),
    }
    tls = {"ssl": True, **files} if encrypted else {}
    if sentinels := read("REDIS_SENTINELS"):
        asked = [urlsplit(f"redis://{each.strip()}") for each in sentinels.split(",")]
        own_login = {
            "username": read("REDIS_SENTINEL_USERNAME"),
            "password": read("REDIS_SENTINEL_PASSWORD"),
            "socket_timeout": 2,
        }
        addresses = [(one.hostname, one.port or 26379) for one in asked]
        group = Sentinel(addresses, sentinel_kwargs={**own_login, **tls})
        return group.master_for(read("REDIS_SENTINEL_MASTER_NAME"), **options, **tls)
    port = read("REDIS_PORT") or ""
    address = {
        "host": url.hostname or (read("REDIS_HOST") or "").strip("[]"),
        # no number: what Kubernetes says of a Service named redis
        "port": (url.port if url.netloc else port.isdigit() and int(port)) or 6379,
    }
    if read("REDIS_CLUSTER") == "true":
        return RedisCluster(**address, **options, **tls)
    db = url.path.strip("/") if url.netloc else read("REDIS_DB")
    return Redis(**address, db=int(db or 0), **options, **tls)
