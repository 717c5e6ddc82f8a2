from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.faults import sentence


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int = Field(default=1, gt=0, lt=10)
    share: float = Field(default=0.5, ge=0, le=1, allow_inf_nan=False)
    flag: bool = True
    name: str = Field(default="x", max_length=3)
    mode: Literal["a", "b"] = "a"
    at: datetime | None = None
    parts: list[int] = Field(default=[1, 2], min_length=2)
    below: Form | None = None
    odd: int = 1

    @field_validator("odd")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("choose an {odd} number.")
        return value


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"count": "x"}, "count: must be a whole number, not 'x'."),
        ({"count": 1.5}, "count: must be a whole number, not 1.5."),
        ({"count": 0}, "count: must be more than 0, not 0."),
        ({"count": 10}, "count: must be less than 10, not 10."),
        ({"share": "half"}, "share: must be a number, not 'half'."),
        ({"share": "nan"}, "share: must be a finite number, not 'nan'."),
        ({"share": 2}, "share: must be at most 1.0, not 2."),
        ({"flag": "maybe"}, "flag: must be true or false, not 'maybe'."),
        ({"name": None}, "name: must be text in quotes."),
        ({"name": "long"}, "name: must have at most 3 characters, not 'long'."),
        ({"mode": "c"}, "mode: must be 'a' or 'b', not 'c'."),
        ({"at": "noon"}, "at: must be a moment such as 2026-11-20T12:00:00Z, not 'noon'."),
        ({"parts": [1]}, "parts: must have a length of at least 2."),
        ({"parts": [1, "x"]}, "parts.1: must be a whole number, not 'x'."),
        ({"below": {"nmae": "x"}}, "below.nmae: is no field that is known here; check its spelling."),
        ({"below": 5}, "below: must be fields with names, such as a: 1, not 5."),
        ({"odd": 2}, "odd: choose an {odd} number."),
        ({"count": "x" * 99}, "count: must be a whole number."),
        ([], "must be fields with names, such as a: 1."),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(given: Any, said: str) -> None:  # noqa: ANN401 - what somebody sends
    with pytest.raises(ValidationError) as caught:
        Form.model_validate(given)
    assert sentence(caught.value) == said
