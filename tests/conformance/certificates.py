"""An authority of our own, and the certificates that it gives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


class Authority:
    """Makes keys and certificates in a folder."""

    def __init__(self, folder: Path) -> None:
        if not shutil.which("openssl"):
            pytest.skip("there is no openssl here")
        self._folder = folder
        self.file = self._signed("authority", "req -x509", "/CN=ours")

    def certificate(self, host: str, days: int = 2) -> tuple[Path, Path]:
        """A certificate for this host and its key; with days in the past it has expired."""
        name = f"{host}{days}"
        names = self._folder / f"{name}.names"
        names.write_text(f"subjectAltName=DNS:{host}")
        self._openssl(f"req -newkey rsa:2048 -nodes -subj /CN={host} -keyout {name}.key -out {name}.csr")
        self._openssl(
            f"x509 -req -in {name}.csr -CA authority.crt -CAkey authority.key -CAcreateserial "
            f"-extfile {names} -days {days} -out {name}.crt"
        )
        return self._folder / f"{name}.crt", self._folder / f"{name}.key"

    def _signed(self, name: str, how: str, subject: str) -> Path:
        words = f"-newkey rsa:2048 -nodes -days 2 -subj {subject} -keyout {name}.key -out {name}.crt"
        self._openssl(f"{how} {words}")
        return self._folder / f"{name}.crt"

    def _openssl(self, words: str) -> None:
        subprocess.run(["openssl", *words.split()], cwd=self._folder, check=True, capture_output=True)
