"""A real S3 server on loopback, moto's, that counts what it sends and fails when it is told to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

SECRET = "canary-secret-7f3a9c"
"""What must not get into any text."""

BUCKET = "videos"

Fault = Callable[[str, str], str | None]
"""Method and path of a request -> "busy", "expired" or "cut" to fail it so; None to serve it."""

_ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>{}</Message></Error>"


class S3Server:
    """Serves until `stop`.

    Attributes:
        url: its endpoint.
        sent: path -> bytes of bodies that were sent for GET.
        requests: (method, path) -> requests.
        fault: decides how requests fail.
        key_id: the access key of the last request.
    """

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", 0, self._serve, threaded=True, request_handler=_Quiet
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.sent: Counter[str] = Counter()
        self.requests: Counter[tuple[str, str]] = Counter()
        self.fault: Fault = lambda method, path: None
        self.key_id = ""
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.client().create_bucket(Bucket=BUCKET)

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="canary",
            aws_secret_access_key=SECRET,
        )

    @property
    def environment(self) -> dict[str, str]:
        """What a user sets, so that commands reach it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "canary-key-id",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def put(self, file: Path, key: str) -> str:
        """Store a file; returns its address."""
        self.client().put_object(Bucket=BUCKET, Key=key, Body=file.read_bytes())
        return f"s3://{BUCKET}/{key}"

    def keys(self, prefix: str = "") -> list[str]:
        found = self.client().list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", ())]

    def get(self, key: str) -> bytes:
        content: bytes = self.client().get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        self.fault = fault
        try:
            yield
        finally:
            self.fault = lambda method, path: None

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.requests[method, path] += 1
        self.key_id = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2]
        match self.fault(method, path):
            case "busy":
                return _refused(method, start, "503 Service Unavailable", "SlowDown")
            case "expired":
                return _refused(method, start, "403 Forbidden", "ExpiredToken")
            case "cut":
                return self._cut(self._app(environ, start))
        return self._counted(method, path, self._app(environ, start))

    def _counted(self, method: str, path: str, body: Iterable[bytes]) -> Iterator[bytes]:
        for part in body:
            if method == "GET":
                self.sent[path] += len(part)
            yield part

    def _cut(self, body: Iterable[bytes]) -> Iterator[bytes]:
        for part in body:
            yield part[: len(part) // 2]
            raise ConnectionAbortedError  # werkzeug closes the connection


def _refused(method: str, start: Any, status: str, code: str) -> list[bytes]:
    body = _ERROR.format(code, f"key canary-key-id, secret {SECRET}").encode()
    body = b"" if method == "HEAD" else body
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


def is_object(path: str) -> bool:
    """Whether a request's path is that of an object, not of the bucket."""
    return re.fullmatch(rf"/{BUCKET}/.+", path) is not None
