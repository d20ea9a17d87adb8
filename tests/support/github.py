"""A stand-in for GitHub on this machine, which serves this checkout as an archive of `main`."""

import http.server
import random
import shutil
import ssl
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import trustme

ARCHIVE: Final = "/busylight/busylight-presence/archive/main.tar.gz"


class GitHub:
    """A context manager. It listens where browsers and pip ask: on port 443 of `address`."""

    def __init__(self, checkout: Path, directory: Path) -> None:
        # One of loopback's own, for others may test here at the same time.
        self.address = ".".join(["127", *(str(random.randint(1, 254)) for _ in range(3))])
        self.ca_file = directory / "github.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        self.commit = _commit(checkout)
        self._checkout = checkout
        self._archive = archive = directory / "main.tar.gz"
        self._publish()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != ARCHIVE:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/x-gzip")
                self.send_header("Content-Length", str(archive.stat().st_size))
                self.end_headers()
                with archive.open("rb") as file:
                    shutil.copyfileobj(file, self.wfile)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer((self.address, 443), Handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("github.com").configure_cert(context)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def publish_another(self) -> None:
        """A newer commit, with the same files."""
        before, tree = self.commit, f"{self.commit}^{{tree}}"
        self.commit = _git(self._checkout, "commit-tree", "-p", before, "-m", "newer", tree)
        self._publish()

    def _publish(self) -> None:
        prefix = "--prefix=busylight-presence-main/"
        output = ("--format=tar.gz", "--output", str(self._archive))
        _git(self._checkout, "archive", *output, prefix, self.commit)


def _commit(checkout: Path) -> str:
    """The newest commit, or one of what has been changed since (which no branch knows)."""
    return _git(checkout, "stash", "create") or _git(checkout, "rev-parse", "HEAD")


def _git(checkout: Path, *words: str) -> str:
    """What git says."""
    somebody = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    done = subprocess.run(
        ["git", "-C", checkout, *somebody, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
