"""A model hub on this machine, for downloads that are to be cut off."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME = "tiny/encoder"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
# So many bytes at a time and a pause behind them: downloads long enough to be met.
CHUNK, PAUSE = 1 << 12, 0.02


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder as the model `NAME` and yield the address.

    What a client needs is there: the head of a file with its commit, digest and length, the file
    from any byte on, and the error by which a missing file is told from a missing model.
    """

    class Handler(_Handler):
        files = folder

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files: Path

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        body = self._answer()
        for start in range(0, len(body), CHUNK):
            self.wfile.write(body[start : start + CHUNK])
            time.sleep(PAUSE)

    def _answer(self) -> bytes:
        """Send status and headers; the body that belongs to them."""
        path = self.path.partition("?")[0]
        if path.rstrip("/") == f"/api/models/{NAME}" or path.startswith(
            f"/api/models/{NAME}/revision/"
        ):
            facts = {"id": NAME, "modelId": NAME, "sha": COMMIT, "tags": [], "siblings": []}
            return self._send(200, json.dumps(facts).encode(), {"Content-Type": "application/json"})
        start, _, name = path.removeprefix(f"/{NAME}/resolve/").partition("/")
        file = self.files / name
        if start not in ("main", COMMIT) or "/" in name or not file.is_file():
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        whole = file.read_bytes()
        facts = {"ETag": f'"{sha256(whole).hexdigest()}"', "X-Repo-Commit": COMMIT}
        asked = self.headers.get("Range", "")
        if not asked:
            return self._send(200, whole, facts)
        first = int(asked.removeprefix("bytes=").partition("-")[0])
        facts["Content-Range"] = f"bytes {first}-{len(whole) - 1}/{len(whole)}"
        return self._send(206, whole[first:], facts)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> bytes:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        return body

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
