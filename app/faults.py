"""Says in plain words what is wrong with a value that pydantic refused."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

SHOWN: Final = 40  # characters of a value that a sentence repeats

# What is said of an error, by the beginning of its type. In braces: what pydantic tells of the limit.
_WORDS: Final = {
    "missing": "is missing",
    "extra_forbidden": "is no field that is known here; check its spelling",
    "int_": "must be a whole number",
    "float_": "must be a number",
    "finite_number": "must be a finite number",
    "bool_": "must be true or false",
    "string_type": "must be text in quotes",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have a length of at least {min_length}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "datetime_": "must be a moment such as 2026-11-20T12:00:00Z",
    "model_": "must be fields with names, such as a: 1",
    "dict_type": "must be fields with names, such as a: 1",
    "value_error": "{error}",
}


def fault(error: ErrorDetails) -> str:
    """Return what is wrong with a value, without its name and full stop: `must be a whole number`."""
    for kind, words in _WORDS.items():
        if error["type"].startswith(kind):
            return words.format(**error.get("ctx", {})).removesuffix(".")
    return error["msg"]


def sentence(error: ValidationError) -> str:
    """Return the first fault as a sentence that names the field and repeats a short value."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part != "[key]")
    value, wrong = first["input"], fault(first)
    told = wrong.startswith("must") and isinstance(value, str | int | float) and len(str(value)) <= SHOWN
    return (f"{field}: " if field else "") + wrong + (f", not {value!r}" if told else "") + "."
