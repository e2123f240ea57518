"""Clients that ask a server over HTTP, many at a time: each sends a question, waits for the answer, and asks again.

    python benchmarks/load_client.py ADDRESS --users 20000 --clients 50 --seconds 10 [--rate 500]

Prints one JSON object. With a rate the questions are sent at set times, a little apart, whether or not the server keeps
up, and a time counts from when a question was due: a server that stalls is not asked less for it.
"""

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np


@dataclass
class Counted:
    """What the clients saw.

    Attributes:
        seconds: From the question (from when it was due, with a rate) to the whole answer, of each request.
        failed: Answers that were not 200, and broken connections.
    """

    seconds: list[float] = field(default_factory=list)
    failed: int = 0


def main() -> None:
    """Ask, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("address")
    parser.add_argument(
        "--users", type=int, required=True, help="the users asked for are u0000000 and those that follow"
    )
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, help="requests a second, of all clients together")
    parser.add_argument("--k", type=int, default=10)
    options = parser.parse_args()
    counted, passed = asyncio.run(ask(options))
    times = np.array(counted.seconds) * 1000
    result = {
        "n_requests": len(times),
        "failed": counted.failed,
        "requests_per_second": len(times) / passed,
        "p50_ms": float(np.percentile(times, 50)),
        "p99_ms": float(np.percentile(times, 99)),
        "max_ms": float(times.max()),
    }
    print(json.dumps(result))


async def ask(options: argparse.Namespace) -> tuple[Counted, float]:
    """Run all clients and return what they saw, and for how long."""
    counted = Counted()
    started = time.perf_counter()
    until = started + options.seconds
    gap = options.clients / options.rate if options.rate else 0.0
    await asyncio.gather(
        *(
            client(number, options, counted, until, gap, started + gap * number / options.clients)
            for number in range(options.clients)
        )
    )
    return counted, time.perf_counter() - started


async def client(
    number: int, options: argparse.Namespace, counted: Counted, until: float, gap: float, due: float
) -> None:
    """Ask one question after the other on one connection."""
    address = urlsplit(options.address)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    rng = np.random.default_rng(number)
    while (now := time.perf_counter()) < until:
        if gap:
            if due >= until:
                break
            await asyncio.sleep(max(0.0, due - now))
        asked = due if gap else time.perf_counter()
        body = json.dumps({"user_id": f"u{rng.integers(options.users):07d}", "k": options.k}).encode()
        head = (
            f"POST /recommend HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        if await answered(reader):
            counted.seconds.append(time.perf_counter() - asked)
        else:
            counted.failed += 1
        due += gap
    writer.close()


async def answered(reader: asyncio.StreamReader) -> bool:
    """Read one answer and return whether its status is 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))
    return head.split(b" ", 2)[1] == b"200"


if __name__ == "__main__":
    main()
