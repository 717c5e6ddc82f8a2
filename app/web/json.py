"""JSON by orjson: an answer is written once, straight to bytes."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response
from flask.json.provider import JSONProvider

OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE


class FastJson(JSONProvider):
    """Flask's JSON, in the order in which the answer was put together."""

    def dumps(self, obj: Any, **_: Any) -> str:  # noqa: ANN401 - Flask's signature
        """Return JSON text."""
        return orjson.dumps(obj, option=OPTIONS).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:  # noqa: ANN401 - Flask's signature
        """Read JSON text."""
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - Flask's signature
        """Answer with JSON."""
        value = self._prepare_response_obj(args, kwargs)
        return Response(orjson.dumps(value, option=OPTIONS), mimetype="application/json")
