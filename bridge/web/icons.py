"""The small glyphs on provider buttons: our own plain shapes and letters, by kind of provider.

The law: no provider's trademark is drawn here. A deployment that has the right to a logo brings its own template.
"""

from markupsafe import Markup

_KEY = '<circle cx="9" cy="12" r="3.25"/><path d="M12.25 12H19M16.5 12v3"/>'
_PERSON = '<circle cx="12" cy="9.5" r="3.25"/><path d="M5.75 19c.9-3.2 3.3-4.75 6.25-4.75s5.35 1.55 6.25 4.75"/>'
_BRANCH = '<circle cx="8" cy="6.75" r="2"/><circle cx="8" cy="17.25" r="2"/><circle cx="16" cy="9.5" r="2"/>'
_BRANCH += '<path d="M8 8.75v6.5M16 11.5c0 2.75-3.4 2.4-6.4 4.2"/>'
_GLOBE = (
    '<circle cx="12" cy="12" r="6.75"/><path d="M5.25 12h13.5M12 5.25c3.5 4 3.5 9.5 0 13.5M12 5.25c-3.5 4-3.5 9.5 0 13.5"/>'
)
_DIAMOND = '<path d="M12 4.75 19.25 12 12 19.25 4.75 12zM12 9v6M9 12h6"/>'
_CLOUD = '<path d="M7.75 17.5a3.5 3.5 0 0 1-.4-6.98 5 5 0 0 1 9.55 1.2 2.95 2.95 0 0 1-.15 5.78z"/>'
_CHAT = '<path d="M5.5 6.5h13v8.75h-6.75L8 18.25v-3H5.5z"/>'
_SQUARES = '<path d="M5.75 5.75h5.25V11H5.75zM13 5.75h5.25V11H13zM5.75 13h5.25v5.25H5.75zM13 13h5.25v5.25H13z"/>'

_BUCKET = '<path d="M5.5 7h13l-1.9 11.25H7.4zM9 11.25h6l-.75 4h-4.5z"/>'
_HASH = '<path d="M9.75 5.25 8 18.75M16 5.25l-1.75 13.5M5.5 9.5h13.25M5.25 14.5H18.5"/>'
_PEAK = '<path d="M4.75 18.25 12 5.75l7.25 12.5zM9.25 18.25 12 13.5l2.75 4.75"/>'
_LOCK = '<path d="M6.5 11h11v7.75h-11zM8.75 11V8.5a3.25 3.25 0 0 1 6.5 0V11M12 14v2"/>'
_HOUSE = '<path d="M5 11.5 12 5.25l7 6.25M7 10v8.75h10V10M10.5 18.75V14h3v4.75"/>'

_SHAPES = {
    "google_oauth2": _GLOBE,
    "github": _BRANCH,
    "gitlab": _DIAMOND,
    "openid_connect": _KEY,
    "alicloud": _CLOUD,
    "dingtalk": _CHAT,
    "microsoft": _SQUARES,
    "atlassian_oauth2": _PEAK,
    "authentik": _LOCK,
    "bitbucket": _BUCKET,
    "casdoor": _HOUSE,
    "oauth2": _KEY,
    "salesforce": _CLOUD,
    "slack": _HASH,
}


def glyph(kind: str) -> Markup:
    """Return the glyph for a *kind* of provider as inline SVG, hidden from screen readers: the button's text says it all."""
    shape = _SHAPES.get(kind, _PERSON)
    return Markup('<svg class="glyph" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">{}</svg>').format(
        Markup(shape)  # noqa: S704 - one of the constants above
    )
