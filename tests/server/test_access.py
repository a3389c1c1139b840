"""Who may do what, by requests to the application itself; the run behind it has not begun."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from streamdet.errors import ConfigError
from streamdet.graph import load_graph
from streamdet.server.access import Tokens, load_tokens
from streamdet.server.app import create_app
from streamdet.server.service import Service

VIEWER, OPERATOR = "v" * 12, "o" * 12
TOKENS = Tokens.model_validate({"viewer": VIEWER, "operator": OPERATOR})
LOCAL = "http://localhost"


@pytest.fixture(scope="module")
def service() -> Service:
    graph = load_graph("people")
    return Service(lambda: graph, "events")


@pytest.fixture
def open_to_all(service: Service) -> TestClient:
    return TestClient(create_app(service, Tokens()), base_url=LOCAL)


@pytest.fixture
def guarded(service: Service) -> TestClient:
    return TestClient(create_app(service, TOKENS), base_url="http://camera-box:8080")


def test_without_tokens_this_machine_may_read(open_to_all: TestClient) -> None:
    assert open_to_all.get("/api/v1/run").json()["problem"] == "starting"
    assert open_to_all.get("/api/v1/session").json() == {"role": "operator", "needs_token": False}


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.7:8080", ""])
def test_without_tokens_no_other_name_is_answered(open_to_all: TestClient, host: str) -> None:
    answer = open_to_all.get("/api/v1/run", headers={"host": host})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "LOCALHOST"])
def test_names_of_this_machine_are_answered(open_to_all: TestClient, host: str) -> None:
    assert open_to_all.get("/api/v1/run", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/v1/run", "/api/v1/events", "/api/v1/cameras/x/snapshot.jpg", "/metrics"]
)
@pytest.mark.parametrize(
    "header", [{}, {"authorization": "Bearer wrong"}, {"cookie": "streamdet=x"}]
)
def test_a_stranger_reads_nothing(guarded: TestClient, path: str, header: dict[str, str]) -> None:
    assert guarded.get(path, headers=header).status_code == 401


@pytest.mark.parametrize(("token", "role"), [(VIEWER, "viewer"), (OPERATOR, "operator")])
def test_a_token_says_who_one_is(guarded: TestClient, token: str, role: str) -> None:
    answer = guarded.get("/api/v1/session", headers={"authorization": f"Bearer {token}"})
    assert answer.json() == {"role": role, "needs_token": True}
    read = guarded.get("/api/v1/run", headers={"authorization": f"Bearer {token}"})
    assert read.status_code == 200


def test_a_browser_signs_in_and_out(guarded: TestClient) -> None:
    own = {"x-streamdet": "1"}
    answer = guarded.post("/api/v1/session", json={"token": VIEWER}, headers=own)
    assert answer.json() == {"role": "viewer"}
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert VIEWER not in cookie
    assert guarded.get("/api/v1/run").status_code == 200
    assert guarded.delete("/api/v1/session", headers=own).status_code == 204
    assert guarded.get("/api/v1/run").status_code == 401


@pytest.mark.parametrize(
    "headers", [{}, {"x-streamdet": "1", "origin": "http://evil.example"}], ids=["form", "script"]
)
def test_another_site_changes_nothing(guarded: TestClient, headers: dict[str, str]) -> None:
    answer = guarded.post("/api/v1/session", json={"token": VIEWER}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_tokens_cannot_be_guessed_for_long(guarded: TestClient) -> None:
    own = {"x-streamdet": "1"}
    for _ in range(10):
        answer = guarded.post("/api/v1/session", json={"token": "x" * 12}, headers=own)
        assert answer.status_code == 401
    answer = guarded.post("/api/v1/session", json={"token": VIEWER}, headers=own)
    assert answer.status_code == 429
    bearer = guarded.get("/api/v1/run", headers={"authorization": f"Bearer {VIEWER}"})
    assert bearer.status_code == 401


def test_a_large_request_is_refused_before_it_is_read(guarded: TestClient) -> None:
    answer = guarded.post("/api/v1/session", content=b"x" * (1 << 20 | 1))
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/livez", "/api/v1/session"])
def test_every_answer_says_what_a_page_may_do(guarded: TestClient, path: str) -> None:
    headers = guarded.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/page/../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py"])
def test_no_file_beside_the_page_is_served(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 404


def test_health_says_that_the_run_is_not_there_yet(guarded: TestClient) -> None:
    assert guarded.get("/livez").json() == {"status": "alive"}
    assert guarded.get("/readyz").json() == {"detail": "starting"}


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = Path(__file__).parents[2] / "streamdet" / "server" / "page"
    for path in page.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        for scheme in ("https://", "http://", "//cdn"):
            assert scheme not in text, path.name
        assert "style=" not in text, path.name


class TestTokensOfAFile:
    def test_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "tokens.yaml"
        path.write_text(f"viewer: {VIEWER}\n")
        path.chmod(0o600)
        assert load_tokens(path).role_of(VIEWER) == "viewer"

    def test_must_be_private(self, tmp_path: Path) -> None:
        path = tmp_path / "tokens.yaml"
        path.write_text(f"viewer: {VIEWER}\n")
        path.chmod(0o644)
        with pytest.raises(ConfigError, match="chmod 600"):
            load_tokens(path)

    def test_must_be_long(self, tmp_path: Path) -> None:
        path = tmp_path / "tokens.yaml"
        path.write_text("operator: short\n")
        path.chmod(0o600)
        with pytest.raises(ConfigError, match=r"operator.*12"):
            load_tokens(path)

    def test_of_the_environment_count_without_a_file(self) -> None:
        tokens = load_tokens(None, {"STREAMDET_OPERATOR_TOKEN": OPERATOR})
        assert tokens.role_of(OPERATOR) == "operator"
        assert not load_tokens(None, {})
        with pytest.raises(ConfigError, match="STREAMDET_VIEWER_TOKEN"):
            load_tokens(None, {"STREAMDET_VIEWER_TOKEN": "short"})
