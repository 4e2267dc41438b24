"""The command `cardoon`: `cardoon health` is answered here, all else by the package.

A probe runs every few seconds, so it must cost next to nothing: this stands beside the package, since
importing anything of that costs more than a whole probe (docs/decisions/0014).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

MAX_AGE_SECONDS = 10.0
ANSWER_SECONDS = 5.0
MISUSED = 2
USAGE = "cardoon health (--file FILE | --port PORT) [--ready] [--max-age SECONDS]"


def main() -> None:
    """The entry point of the command."""
    if sys.argv[1:2] == ["health"] and not {"-h", "--help"} & set(sys.argv):
        sys.exit(run(sys.argv[2:]))
    from cardoon.cli.main import main as everything_else  # here: a probe must not wait for it

    everything_else()


def run(words: Sequence[str]) -> int:
    """`cardoon health WORDS`: 0 for a healthy worker, 1 for any other, 2 for wrong words; why, on stderr."""
    try:
        options = _options(words)
        file, port = options.get("--file"), options.get("--port")
        age = float(options.get("--max-age", MAX_AGE_SECONDS))
        if (file is None) is (port is None):
            raise ValueError("name either a file or a port")
        number = 0 if port is None else int(port)
    except ValueError as error:
        sys.stderr.write(f"Usage: {USAGE}\nError: {error}\n")
        return MISUSED
    ready = "--ready" in options
    why = of_port(number, ready=ready) if file is None else of_file(file, age=age, ready=ready)
    if why:
        sys.stderr.write(f"unhealthy: {_printable(why)}\n")
    return int(bool(why))


def _options(words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    left = list(words)
    while left:
        name, sign, value = left.pop(0).partition("=")
        if name == "--ready":
            found[name] = ""
        elif name in ("--file", "--port", "--max-age"):
            if not sign and not left:
                raise ValueError(f"{name} needs a value")
            found[name] = value if sign else left.pop(0)
        else:
            raise ValueError(f"there is no option {name!r}")
    return found


def of_file(path: str, *, age: float = MAX_AGE_SECONDS, ready: bool = False) -> str:
    """What is wrong by the file that a worker writes each second; nothing if all is well.

    `age` is the seconds for which its word holds; `ready` asks for a process that takes jobs too.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib would cost as much as all the rest
            said = json.load(file)
        silent = time.time() - float(said["t"])
        healthy, reason, children = bool(said["healthy"]), str(said["reason"]), int(said["children"])
    except FileNotFoundError:
        return f"there is no file {path}: no worker runs, or it was started without --probe-file {path}"
    except OSError as error:
        return f"{path}: {error.strerror}"
    except (ValueError, KeyError, TypeError):
        return f"{path} is no file that a worker writes"
    if silent > age:
        return f"the worker has said nothing for {silent:.0f} s"
    if not healthy:
        return reason or "it does not say why"
    return "no process takes jobs yet" if ready and not children else ""


def of_port(port: int, *, ready: bool = False) -> str:
    """What is wrong by the probe port of a worker on this host; nothing if all is well."""
    import socket  # here: who reads a file need not wait for it

    path = "/readyz" if ready else "/healthz"
    try:
        with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as line:
            line.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            answer = line.makefile("rb").read(65_536)
    except (OSError, OverflowError) as error:
        return f"nobody answers on port {port}: {error}"
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(None, 2)[1:2]
    if status == [b"200"]:
        return ""
    try:
        return str(json.loads(body)["reason"])
    except (ValueError, KeyError, TypeError):
        return f"port {port} is not that of a worker's probe"


def _printable(text: str) -> str:
    """The text with all that a terminal could obey escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


if __name__ == "__main__":
    main()
