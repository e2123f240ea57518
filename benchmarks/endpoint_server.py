"""An endpoint with OpenAI's embeddings API, a service time and a limit of requests that it works on at a time.

    python benchmarks/endpoint_server.py --seconds 0.1 --limit 8 --width 384

Prints its port. What it sends is made beforehand, so that it takes next to nothing of the cores.
"""

import argparse
import asyncio
import json
from functools import cache


def main() -> None:
    """Serve until the process ends."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--limit", type=int, default=8)
    parser.add_argument("--width", type=int, default=384)
    asyncio.run(_serve(parser.parse_args()))


async def _serve(options: argparse.Namespace) -> None:
    free = asyncio.Semaphore(options.limit)

    @cache
    def body(n_texts: int) -> bytes:
        vector = [round(0.001 * column, 6) for column in range(options.width)]
        data = [{"object": "embedding", "index": row, "embedding": vector} for row in range(n_texts)]
        return json.dumps({"object": "list", "model": "made", "data": data, "usage": {}}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            request = json.loads(await reader.readexactly(int(lengths[0].split(b":")[1])))
            async with free:
                await asyncio.sleep(options.seconds)
            content = body(len(request["input"]))
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content)
            )
            writer.write(content)
            await writer.drain()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    main()
