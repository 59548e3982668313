import json
import time


def log(level: str, message: str) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(json.dumps({"level": level, "time": at, "msg": message}), flush=True)
