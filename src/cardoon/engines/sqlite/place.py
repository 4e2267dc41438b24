"""Where the file lies: its path from a URL, its private mode, and file systems that cannot hold it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from cardoon.model.errors import ConfigurationError, EngineRefused, EngineUnavailable, nearest
from cardoon.model.url import mask

PROFILES = ("durable", "fast")
_OPTIONS = ("profile", "retention")
_NETWORK = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "afs",
    "ceph",
    "gluster",
    "lustre",
    "sshfs",
    "davfs",
    "vboxsf",
    "ncpfs",
    "fuse.s3",
)


def parse(url: str) -> tuple[Path, dict[str, str]]:
    """The path and the options of `sqlite:///relative.db` or `sqlite:////absolute.db?profile=fast`."""
    parts = urlsplit(url)
    if parts.netloc or not parts.path.strip("/"):
        raise ConfigurationError(
            f"{mask(url)!r} names no file: write sqlite:///jobs.db, or sqlite:////var/lib/jobs.db"
        )
    options = dict(parse_qsl(parts.query))
    for name in options:
        if name not in _OPTIONS:
            raise ConfigurationError(f"the sqlite URL has no option {name!r}{nearest(name, _OPTIONS)}")
    if options.get("profile", "durable") not in PROFILES:
        raise ConfigurationError(f"profile must be one of {', '.join(PROFILES)}, not {options['profile']!r}")
    return Path(unquote(parts.path[1:])).absolute(), options


def retention_seconds(options: dict[str, str], default: float | None) -> float:
    """How long final jobs are remembered; infinite for `retention=none`."""
    given = options.get("retention", default)
    try:
        return float("inf") if given in (None, "none") else float(given)
    except ValueError:
        raise ConfigurationError(f"retention must be seconds, or none for ever, not {given!r}") from None


def prepare(path: Path) -> None:
    """Make the file, readable by its owner only, unless it is there; refuse network file systems."""
    if not path.parent.is_dir():
        raise EngineRefused(f"the folder of {path} does not exist; make it, or name another file")
    if (kind := file_system(path.parent)).startswith(_NETWORK):
        raise EngineRefused(
            f"{path} lies on a network file system ({kind}), where SQLite loses data; use a local disk"
        )
    touch(path)


def touch(path: Path) -> int:
    """Make the file with mode 0600 whatever the umask, unless it is there; its mode otherwise stays."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return 0
    except OSError as error:
        raise EngineUnavailable(f"{path} cannot be made: {error.strerror}") from None
    try:
        with suppress(OSError):  # some file systems have no modes
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    return 1


def file_system(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system that holds the folder; empty where that cannot be told."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    here = f"{folder.resolve()}/"
    best, kind = "", ""
    for line in lines:
        _device, point, type_, *_rest = line.split(" ")
        point = point.replace("\\040", " ").rstrip("/") + "/"
        if here.startswith(point) and len(point) >= len(best):
            best, kind = point, type_
    return kind
