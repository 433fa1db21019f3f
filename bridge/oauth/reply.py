"""One answer of a provider: its status, how long it may be kept, and its JSON.

The law: what comes back is JSON of the expected shape, or a refusal whose reason repeats nothing of it but an error code.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from bridge.errors import ProviderBadReply
from bridge.oauth.callback import error_code
from bridge.oauth.fields import Fields

_JSON_TYPE = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json", re.IGNORECASE)
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})\b", re.IGNORECASE)
_AGE = re.compile(r"[0-9]{1,9}")
_NOT_KEPT = re.compile(r"(?:^|[\s,])no-(?:store|cache)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer below 500 that is no redirect, its body within the cap; its headers let it be kept for `fresh_seconds`."""

    provider: str
    document: str
    status: int
    content_type: str
    fresh_seconds: int | None
    body: bytes = field(repr=False)

    def object(self) -> Fields:
        """Return the JSON object of a successful answer; raises `ProviderBadReply`, with the OAuth error if there is one."""
        value = self._json(successful=True)
        if not isinstance(value, dict):
            raise self.refusal("is not a JSON object")
        if "error" in value:  # GitHub reports token errors with HTTP 200
            raise self.refusal(f"error {error_code(value['error'])}")
        return Fields(value, provider=self.provider, document=self.document)

    def objects(self) -> list[Fields]:
        """Return the JSON array of objects of a successful answer; raises `ProviderBadReply`."""
        value = self._json(successful=True)
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.refusal("is not a JSON array of objects")
        return [Fields(entry, provider=self.provider, document=self.document) for entry in value]

    def _json(self, *, successful: bool) -> Any:
        if successful and self.status != requests.codes.ok:
            raise self.refusal(f"answered {self.status}{self._error_of_body()}")
        if not _JSON_TYPE.fullmatch(self.content_type):
            raise self.refusal("is not JSON by its content type")
        try:
            return json.loads(self.body.decode("utf-8"))
        except (ValueError, RecursionError):
            # "from None": the decoding error carries the whole body along.
            raise self.refusal("is not JSON") from None

    def _error_of_body(self) -> str:
        try:
            value = self._json(successful=False)
        except ProviderBadReply:
            return ""
        return f" {error_code(value['error'])}" if isinstance(value, dict) and "error" in value else ""

    def refusal(self, what: str) -> ProviderBadReply:
        """Return the refusal that says *what* is wrong with the answer."""
        return ProviderBadReply(provider=self.provider, reason=f"{self.document}: {what}")


def fresh_seconds(headers: Mapping[str, str]) -> int | None:
    """Return how long an answer may be kept by its Cache-Control and Age (RFC 9111 4.2), None where it does not say."""
    control = headers.get("Cache-Control", "")
    if _NOT_KEPT.search(control):
        return 0
    found = _MAX_AGE.search(control)
    if found is None:
        return None
    age = _AGE.fullmatch(headers.get("Age", ""))
    return max(0, int(found[1]) - (int(age[0]) if age else 0))
