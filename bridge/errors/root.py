"""The root of the tree of refusals, and the next steps that several of them share.

The law: a refusal is a type with evidence; what the person reads is fixed in its class, what the log reads in its fields.
"""

from dataclasses import dataclass, fields
from typing import ClassVar

START_AGAIN = "Start again from the sign-in page."
ASK_ADMIN = "Quote the reference below to your administrator."


@dataclass(kw_only=True, eq=False)
class BridgeError(Exception):
    """The root. Sentences are message ids for the catalogues; they may name `{provider}`, `{org}` and `{reference}`."""

    code: ClassVar[str]
    public_code: ClassVar[str]
    status: ClassVar[int]
    sentence: ClassVar[str]
    next_step: ClassVar[str]
    retry_after_seconds: ClassVar[int | None] = None

    def evidence(self) -> dict[str, str | int]:
        """Return the fields that are set, for the log: name -> text (capped at 300 characters) or number."""
        found: dict[str, str | int] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None or value == "":
                continue
            found[field.name] = value if isinstance(value, int) else str(value)[:300]
        return found

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value!r}" for name, value in self.evidence().items())
        return f"{self.code}({details})"
