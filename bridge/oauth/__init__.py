"""The client side of OAuth 2.0 and OpenID Connect, used by both cells: a code from a callback in, an external identity out."""
