"""A web server on loopback that hands out small replicas of what the sources download."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files quietly, counts what it served, and breaks off files named in `broken`."""

    def __init__(self, *arguments, asked: list[str], broken: set[str], **options):
        self.asked, self.broken = asked, broken
        super().__init__(*arguments, **options)

    def log_message(self, *_) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Serve, or promise more bytes than come."""
        self.asked.append(self.path)
        if self.path.rsplit("/", 1)[1] not in self.broken:
            super().do_GET()
            return
        whole = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole[: len(whole) // 2])


@contextmanager
def serve(folder: Path, broken: set[str] = frozenset()) -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a folder, and the list of paths that were asked for so far."""
    asked = []
    handler = functools.partial(_Handler, directory=folder, asked=asked, broken=broken)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
