"""Reads multipart forms with the `multipart` library: 20 times as fast as Werkzeug's parser for a small image."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any, Final

import multipart
from flask import Request, request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.formparser import FormDataParser

from app.config import MEGABYTE
from app.errors import InvalidInput, TooLarge
from app.web.overload import STEP, Body

MEMORY_BYTES: Final = 20_000_000  # a body up to this size is kept in memory; a longer one only in small parts
SMALL_PART_BYTES: Final = 16_384
FIELD_BYTES: Final = 100_000  # of all that is no file: JSON, and a form's fields
FIELDS: Final = 100
NAME_BYTES: Final = 4000  # of a file, with its folders
HEADER_BYTES: Final = 200  # of the rest of the line that holds it

Parsed = tuple[IO[bytes], "MultiDict[str, str]", "MultiDict[str, FileStorage]"]


class _Parser(FormDataParser):
    """Werkzeug's parser, but for multipart bodies."""

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> Parsed:
        """Return the stream, the fields and the files; InvalidInput when the body is not a form."""
        if mimetype != "multipart/form-data":
            return super().parse(_counted(stream), mimetype, content_length, options)
        form: MultiDict[str, str] = MultiDict()
        files: MultiDict[str, FileStorage] = MultiDict()
        left = FIELD_BYTES
        try:
            for part in self._parts(stream, content_length, (options or {}).get("boundary")):
                if part.filename is None:
                    left -= part.size
                    if left < 0:
                        raise TooLarge(f"The form's fields are over the limit of {FIELD_BYTES // 1000} kB in all.")
                    form.add(part.name, part.value)
                else:
                    files.add(part.name, FileStorage(part.file, _file_name(part), part.name, part.content_type))
        except multipart.ParserLimitReached as error:
            raise TooLarge(
                f"The form is over a limit: {self._parts_at_most} parts, {NAME_BYTES} bytes for the name of a file, and"
                f" {self._bytes_at_most // MEGABYTE} MB in all; send it in parts, or with shorter names."
            ) from error
        except (UnicodeDecodeError, LookupError) as error:  # the other way round: of a charset that there is not
            raise InvalidInput(
                "A field of the form that has no file name holds bytes that are no text; send a file with its name,"
                " as curl -F file=@photograph.jpg does."
            ) from error
        except multipart.MultipartError as error:
            raise InvalidInput(f"The form is cut short or damaged ({error}); send it again.") from error
        return stream, form, files

    def _parts(self, stream: IO[bytes], length: int | None, boundary: str | None) -> Iterator[Any]:
        if not boundary:
            raise InvalidInput("The form's content type names no boundary; let your HTTP library set it.")
        short = is_short(length)
        parser = multipart.MultipartParser(
            stream,
            boundary,
            content_length=-1 if length is None else length,
            buffer_size=STEP,
            part_limit=self._parts_at_most,
            spool_limit=MEMORY_BYTES if short else SMALL_PART_BYTES,
            headersize_limit=NAME_BYTES + HEADER_BYTES,
            memory_limit=self._bytes_at_most,
        )
        return iter(parser)

    @property
    def _parts_at_most(self) -> int:
        return self.max_form_parts or 1000

    @property
    def _bytes_at_most(self) -> int:
        return self.max_content_length or MEMORY_BYTES


class FastRequest(Request):
    """A request whose multipart body is read fast, and whose body must come in time."""

    form_data_parser_class = _Parser

    def __init__(self, environ: dict[str, Any], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Flask's
        super().__init__(environ, *args, **kwargs)
        counted = self.mimetype != "multipart/form-data" or is_short(self.content_length)
        environ["wsgi.input"] = Body(environ["wsgi.input"], counted=counted)


def release(_: BaseException | None) -> None:
    """Count the body of the present request no longer: it has been answered."""
    request.environ["wsgi.input"].release()


def _file_name(part: Any) -> str:  # noqa: ANN401 - the library's, untyped
    """Return a file's name with its folders; of a full Windows path the library keeps the base name alone."""
    name: str = part.filename
    if "\\" in part.disposition:
        _, sent = multipart.parse_options_header(part.disposition, unquote=_unquote)
        name = sent.get("filename", name)
    return name


def _unquote(value: str, _: bool) -> Any:  # noqa: ANN401 - as above
    return multipart.content_disposition_unquote(value)


def is_short(length: int | None) -> bool:
    """Say whether a form of this length is kept in memory as a whole."""
    return length is not None and length <= MEMORY_BYTES


def _counted(stream: IO[bytes]) -> IO[bytes]:
    """Return the body of a form without files; TooLarge when it has more fields than any call knows."""
    body = stream.read()
    if body.count(b"&") >= FIELDS:
        raise TooLarge(f"The form has more than {FIELDS} fields; send fewer.")
    return io.BytesIO(body)
