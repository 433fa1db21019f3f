"""Forms in text that people copy: the body itself, a command for curl, a line of a log. Pure.

The law: a form is found, never made up. Its fields come out as a server would have read them, twice if they stand there twice.
"""

import re
import shlex
from collections.abc import Iterator
from urllib.parse import parse_qsl

Form = tuple[tuple[str, str], ...]
MAX_FORM_CHARS = 1024 * 1024
FIELDS = ("SAMLResponse", "SAMLRequest")
_AROUND = " \t\r\n\"'<>`|\\"
_END = re.compile(r"[\s\"'<>`|\\]")
_DATA = ("-d", "--data", "--data-raw", "--data-binary", "--data-ascii")
_AS_THEY_ARE = ("--data-urlencode", "-F", "--form", "--form-string")


class Unreadable(ValueError):
    """Raised if there is no document in a source; the text says what is there instead."""


def joined(text: str) -> str:
    """Return *text* without its white space."""
    return text.encode("utf-8").translate(None, b" \t\r\n\v\f").decode("utf-8")


def form_of(body: str) -> Form:
    """Return the fields of an URL-encoded *body*, in order; raises `Unreadable` for more than an endpoint would read."""
    if len(body) > MAX_FORM_CHARS:
        raise Unreadable(f"holds a form of more than {MAX_FORM_CHARS} characters, which no endpoint reads")
    return tuple(parse_qsl(body, keep_blank_values=True))


def chunks_in(text: str, most: int) -> Iterator[str]:
    """Yield up to *most* runs of characters around the name of a field: bodies and addresses in a log."""
    text = text.replace("\\u0026", "&").replace("\\x26", "&").replace("&amp;", "&")
    position = 0
    for _ in range(most):
        found = [at for field in FIELDS if (at := text.find(f"{field}=", position)) >= 0]
        if not found:
            return
        first = min(found)
        begin = max(position, *(text.rfind(sign, position, first) + 1 for sign in _AROUND))
        end = _END.search(text, first)
        position = end.start() if end else len(text)
        yield text[begin:position]


def form_of_command(text: str) -> Iterator[Form]:
    """Yield the form that a copied `curl` command would send, from its data or from its address; nothing if it sends none."""
    # The shell of Windows quotes with a caret, and both shells end a line that goes on with a sign of their own.
    text = re.sub(r"\^(.)", r"\1", re.sub(r"[\\^]\r?\n", " ", text), flags=re.DOTALL)
    try:
        words = shlex.split(text)
    except ValueError:  # a quote that nothing closes
        words = text.split()
    data, form = [], []
    for option, content in _options(words):
        if option in _DATA:
            data.append(content)
        elif option in _AS_THEY_ARE:
            field, _, value = content.partition("=")
            form.append((field, value))
    body = form_of("&".join(data))
    addresses = [form_of(word.partition("?")[2]) for word in words if "?" in word and "://" in word]
    for found in ((*body, *form), *addresses):
        if any(field in FIELDS for field, _value in found):
            yield found
            return


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each word with what it is given, in the same word or in the next."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, attached = word.partition("=")
        content = attached if equals and name.startswith("--") else following
        yield name if equals else word, content.removeprefix("$")  # bash's $'...'
