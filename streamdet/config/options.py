"""The base of every options model: what a node of a graph may say about itself."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Options of one kind: unknown keys are errors, values do not change after the check.

    A field's `description` becomes its text in the JSON Schema that editors show.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def unstated(cls, name: str) -> str:
        """Say what an option without a default of its own is where nobody states it; "" here."""
        return ""
