"""Logs without secrets: what may not be shown is taken out before a line is written.

msal logs a whole token answer when junk follows its JSON, and httpcore logs every header when it
is asked to debug; so this stands at the handlers, where every library's lines come by.
"""

import json
import logging
import re
import threading
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "***"
"""What stands in a log in place of a secret."""

_SHORT: Final = 4  # letters; a shorter secret is hidden only where it stands by itself

_NAMES: Final = (
    r"access_token|refresh_token|id_token|device_code|client_secret|client_assertion|assertion"
    r"|password|code_verifier"
)
_VALUE: Final = r"(?:(\\*[\"'])(?:(?!\2).)*(?:\2|$)|[^\s&,;)}\]\"'\\]+)"
# A bare `code` is the code of many harmless things: only as a field of JSON or of a form.
_FIELD: Final = re.compile(
    rf"((?<![A-Za-z])(?:{_NAMES})\\*[\"']?\s*[:=]\s*|(?:\\*[\"']code\\*[\"']\s*:|[?&]code=)\s*)"
    rf"{_VALUE}",
    re.IGNORECASE | re.DOTALL,
)
_FORM_CODE: Final = re.compile(r"\A(code=)([^\s&]+)", re.IGNORECASE)
_BEARER: Final = re.compile(r"\b(bearer\s+)[^\s\"',;\\]+", re.IGNORECASE)
_USERINFO: Final = re.compile(r"(://)[^/@\s]*@")
_JWT: Final = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*")
# Refresh tokens, device codes and client assertions have no form but their length.
_OPAQUE: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9_~+=.-]{80,}")

_NOISY: Final = ("msal", "httpx", "httpcore")

_lock = threading.Lock()
_concealed: dict[str, re.Pattern[str]] = {}
_pattern: re.Pattern[str] | None = None


def conceal(secret: str) -> None:
    """Never write `secret` again, in whatever form of quoting it comes."""
    global _pattern  # noqa: PLW0603 -- logging is one thing per process, and so is this
    if not secret:
        return
    with _lock:
        for form in _forms(secret):
            _concealed[form] = _whole(form)
        longest_first = sorted(_concealed, key=len, reverse=True)
        _pattern = re.compile("|".join(_concealed[form].pattern for form in longest_first))


def redact(text: str) -> str:
    """`text` without tokens, codes and secrets."""
    if _pattern is not None:
        text = _pattern.sub(HIDDEN, text)
    text = _FIELD.sub(rf"\1{HIDDEN}", text)
    text = _FORM_CODE.sub(rf"\1{HIDDEN}", text)
    text = _BEARER.sub(rf"\1{HIDDEN}", text)
    text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    text = _JWT.sub(HIDDEN, text)
    return _OPAQUE.sub(HIDDEN, text)


class Redactor(logging.Filter):
    """A filter for handlers: lets every record pass, without its secrets."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the message, the traceback and the stack."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 -- whoever logged it made a mistake; logging must not fail
            message = f"{record.msg} {record.args}"
        record.msg, record.args = redact(message), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


def protect(handlers: Iterable[logging.Handler]) -> None:
    """Put the filter on `handlers`, and keep the libraries that chatter about tokens quiet."""
    for handler in handlers:
        if not any(isinstance(each, Redactor) for each in handler.filters):
            handler.addFilter(Redactor())
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _forms(secret: str) -> set[str]:
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        ascii(secret)[1:-1],
    }


def _whole(form: str) -> re.Pattern[str]:
    escaped = re.escape(form)
    return re.compile(escaped if len(form) >= _SHORT else rf"(?<!\w){escaped}(?!\w)")
