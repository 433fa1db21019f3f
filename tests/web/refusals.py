"""Every refusal of the tree, with evidence that a test finds again if it leaks."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from bridge.errors import BridgeError

MARKER = "EVIDENCE-MARKER"
NUMBER = 987654321


def concrete(kind: type[BridgeError]) -> Iterator[type[BridgeError]]:
    """Yield every class of the tree that can be raised."""
    if "code" in vars(kind):
        yield kind
    for child in kind.__subclasses__():
        yield from concrete(child)


def marked(kind: type[BridgeError], **known: object) -> BridgeError:
    """Build a refusal whose every evidence field holds a marker, with markup in it; *known* are fields that do not."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.type in (int, "int") or "int" in str(field.type):
            values[field.name] = NUMBER
        elif "tuple" in str(field.type):
            values[field.name] = (f"<b>{MARKER}-{field.name}",)
        else:
            values[field.name] = f"<b>{MARKER}-{field.name}"
    return kind(**values | {name: value for name, value in known.items() if name in values})


KINDS = sorted(set(concrete(BridgeError)), key=lambda kind: kind.code)
