"""Requests made up by schemathesis from the API's published schema, and what an answer must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from streamdet.graph import load_graph
from streamdet.server.access import Tokens
from streamdet.server.app import create_app
from streamdet.server.service import Service

if TYPE_CHECKING:
    from schemathesis import Case
    from schemathesis.schemas import APIOperation

    Operation = APIOperation[Any, Any, Any, Any]

OWN: Final = {"x-streamdet": "1"}
LIMIT_S: Final = 60.0
ENDLESS: Final = "GET /api/v1/cameras/{source_id}/preview.mjpeg"
SNAPSHOT: Final = "GET /api/v1/cameras/{source_id}/snapshot.jpg"


def published_schema() -> dict[str, Any]:
    """The schema that every run's server publishes."""
    graph = load_graph("people")
    return create_app(Service(lambda: graph, "events"), Tokens()).openapi()


def labels() -> list[str]:
    """Name the operations: GET /livez ..."""
    paths: dict[str, dict[str, Any]] = published_schema()["paths"]
    return [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]


def operations() -> dict[str, Operation]:
    """Label -> operation."""
    import schemathesis

    schema = schemathesis.openapi.from_dict(published_schema())
    found: list[Any] = list(schema.get_all_operations())
    return {each.ok().label: each.ok() for each in found}


def fuzz(
    operation: Operation, url: str, real: Mapping[str, Any], *, examples: int, seed_: int = 0
) -> list[int]:
    """Send requests, right ones and wrong ones, and check every answer; returns their codes.

    Args:
        operation: what is asked for.
        url: the server.
        real: parameter of the path, or key of the body -> what is really there; half of the
            requests have it.
        examples: how many requests.
        seed_: other ones with another one.
    """
    from schemathesis.generation import GenerationMode

    codes: list[int] = []
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))

    @seed(seed_)
    @given(case=cases, is_real=st.booleans())
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Case[Any], is_real: bool) -> None:
        if is_real and operation.label != ENDLESS:
            case.path_parameters = _with(case.path_parameters or {}, real)
            if isinstance(case.body, dict):
                case.body = _with(case.body, real)
            if operation.label == SNAPSHOT:
                case.query = {}  # `after` may wait for a frame that never comes
        response = case.call(base_url=url, headers=OWN, timeout=LIMIT_S)
        case.validate_response(response, checks=list(_checks()))
        codes.append(response.status_code)

    send()
    return codes


def _with(made_up: Mapping[str, Any], real: Mapping[str, Any]) -> dict[str, Any]:
    return {**made_up, **{key: real[key] for key in made_up if key in real}}


def _checks() -> Any:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    return (
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    )
