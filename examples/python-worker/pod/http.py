import asyncio
from typing import Awaitable, Callable

# Returns what is wrong, or None.
Probe = Callable[[], Awaitable[str | None]]
TEXT = "text/plain; version=0.0.4; charset=utf-8"


async def serve_http(port: int, probes: dict[str, Probe], metrics: Callable[[], Awaitable[str]]) -> None:
    """Serves each probe at its path: 200 when nothing is wrong, else 503 and the problem. The metrics at /metrics."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readline()).decode().split(" ")
        path = request[1] if len(request) > 1 else ""
        if path == "/metrics":
            status, body = "200 OK", (await metrics()).rstrip("\n")
        elif path in probes:
            problem = await probes[path]()
            status, body = ("503 Service Unavailable", problem) if problem else ("200 OK", "ok")
        else:
            status, body = "404 Not Found", f"not found; try {', '.join([*probes, '/metrics'])}"
        content = f"{body}\n".encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: {TEXT}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + content)
        await writer.drain()
        writer.close()

    await asyncio.start_server(answer, port=port)
