import asyncio
from typing import Awaitable, Callable

# Returns what is wrong, or None.
Probe = Callable[[], Awaitable[str | None]]


async def serve_probes(port: int, probes: dict[str, Probe]) -> None:
    """Serves each probe at its path: 200 when nothing is wrong, else 503 and the problem."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readline()).decode().split(" ")
        path = request[1] if len(request) > 1 else ""
        if path in probes:
            problem = await probes[path]()
            status, body = ("503 Service Unavailable", problem) if problem else ("200 OK", "ok")
        else:
            status, body = "404 Not Found", f"not found; try {', '.join(probes)}"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) + 1}\r\nConnection: close\r\n\r\n"
        writer.write(f"{head}{body}\n".encode())
        await writer.drain()
        writer.close()

    await asyncio.start_server(answer, port=port)
