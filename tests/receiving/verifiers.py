"""Runs the receiver guide's code, each snippet by its own interpreter, as a receiver's own program would.

A driver in the snippet's language gets a job as JSON on standard input and answers with a verdict for each request:
`accepted`, `refused`, or `error: …` for whatever the snippet raised. The shell's driver takes one request at a time.
"""

import json
import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.receiving.arrived import Request
from tests.receiving.page import SNIPPETS

STANDARD, HEX = "standard", "hex"
"""The two ways to verify: `webhook-signature`, or the hex header."""
LIBRARY = [name for name in SNIPPETS if "with_library" in name]
CHECKS = [(name, STANDARD) for name in SNIPPETS] + [(name, HEX) for name in SNIPPETS if name not in LIBRARY]
"""Each snippet with each of its ways."""
DRIVERS = Path(__file__).with_name("drivers")
NPM = Path(__file__).with_name("npm")


class Missing(Exception):
    """What a snippet needs is not on this machine; the text names it."""


class Verifier:
    """One snippet, written to a folder of its own and ready to run."""

    def __init__(self, name: str, folder: Path) -> None:
        """Prepare it.

        Raises:
            Missing: there is nothing here to run it.
        """
        self._path = folder / name
        self._path.write_text(SNIPPETS[name], encoding="utf-8")
        self._command = self._prepare()

    def verdicts(self, scheme: str, requests: Iterable[Request], tolerance: int | None = None) -> list[str]:
        """Return the verdict on each request; a tolerance of None leaves the snippet its default."""
        if self._path.suffix == ".sh":
            return [_run([*self._command, *_typed(scheme, one, tolerance)], one.body).strip() for one in requests]
        job = {
            "scheme": scheme,
            "tolerance": tolerance,
            "requests": [
                {
                    "secret": one.secret,
                    "headers": dict(one.headers),
                    "hex_header": one.hex_header,
                    "body": b64encode(one.body).decode(),
                }
                for one in requests
            ],
        }
        verdicts: list[str] = json.loads(_run(self._command, json.dumps(job).encode()))
        return verdicts

    def _prepare(self) -> list[str]:
        path, driver = str(self._path), str(DRIVERS / f"driver{self._path.suffix}")
        match self._path.suffix:
            case ".py":
                return [sys.executable, driver, path]
            case ".mjs":
                if self._path.name in LIBRARY:
                    (self._path.parent / "node_modules").symlink_to(_npm_packages())
                return [_program("node"), driver, path]
            case ".php":
                return [_program("php"), driver, path]
            case ".go":
                return [_build_go(self._path.parent, driver)]
            case ".sh":
                _program("openssl")
                return [_program("bash"), driver, path]
        raise AssertionError(f"there is no driver for {path}")


@dataclass(frozen=True, kw_only=True)
class Check:
    """One snippet's way to verify."""

    verifier: Verifier
    scheme: str

    def verdicts(self, requests: Mapping[str, Request], tolerance: int | None = None) -> dict[str, str]:
        """Return the verdict on each named request."""
        verdicts = self.verifier.verdicts(self.scheme, requests.values(), tolerance)
        return dict(zip(requests, verdicts, strict=True))


def _typed(scheme: str, request: Request, tolerance: int | None) -> list[str]:
    """Return the shell function to call with its arguments, as a person would type them."""
    if scheme == HEX:
        function, names = "verify_hex", [request.hex_header, f"{request.hex_header}-Previous"]
    else:
        function, names = "verify", ["webhook-id", "webhook-timestamp", "webhook-signature"]
    last = [] if tolerance is None or scheme == HEX else [str(tolerance)]
    return [function, request.secret, *(request.headers.get(name, "") for name in names), *last]


def _build_go(folder: Path, driver: str) -> str:
    go = _program("go")
    shutil.copy(driver, folder)
    (folder / "go.mod").write_text("module receiver\n\ngo 1.19\n")
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    _run([go, "build", "-o", "receiver", "."], folder=folder, environment=offline)
    return str(folder / "receiver")


def _npm_packages() -> Path:
    """Return the folder with the official library; it is installed there once, as the lock file says."""
    npm, installed = _program("npm"), NPM / "node_modules" / ".package-lock.json"  # npm writes it last
    if not installed.exists() or installed.stat().st_mtime < (NPM / "package-lock.json").stat().st_mtime:
        _run([npm, "ci"], folder=NPM)
    return NPM / "node_modules"


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise Missing(f"{name} is not installed")
    return path


def _run(
    command: Sequence[str],
    given: bytes = b"",
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    done = subprocess.run(
        command,
        input=given,
        cwd=folder,
        env=os.environ | (environment or {}),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stderr.decode(errors='replace')}"
    return done.stdout.decode()
