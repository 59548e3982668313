import os

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.sentinel import Sentinel


def connection() -> Redis | RedisCluster:
    """What REDIS_* of the pod contract say, for a Worker or Queue of BullMQ."""
    env = os.environ
    options = {
        "username": env.get("REDIS_USERNAME") or None,
        "password": env.get("REDIS_PASSWORD") or None,
        "socket_timeout": 20,  # longer than BullMQ lets Redis wait for a job
        "decode_responses": True,
    }
    tls = {"ssl": True, "ssl_ca_certs": env.get("NODE_EXTRA_CA_CERTS")} if env.get("REDIS_TLS") == "true" else {}
    if env.get("REDIS_SENTINELS"):
        sentinels = [each.strip().split(":") for each in env["REDIS_SENTINELS"].split(",")]
        own_login = {
            "username": env.get("REDIS_SENTINEL_USERNAME") or None,
            "password": env.get("REDIS_SENTINEL_PASSWORD") or None,
            "socket_timeout": 2,
        }
        asked = Sentinel([(host, int(port)) for host, port in sentinels], sentinel_kwargs={**own_login, **tls})
        return asked.master_for(env["REDIS_SENTINEL_MASTER_NAME"], **options, **tls)
    address = {"host": env["REDIS_HOST"], "port": int(env.get("REDIS_PORT") or 6379)}
    if env.get("REDIS_CLUSTER") == "true":
        return RedisCluster(**address, **options, **tls)
    return Redis(**address, db=int(env.get("REDIS_DB") or 0), **options, **tls)
