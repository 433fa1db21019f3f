"""The issuers that the owning cell of `sp.toml` trusts, by the names that headers use.

The law: a header names an issuer by what its trust wants signed, and by its own name where that is not enough.
"""

from bridge.saml.trust import Signed

# Legacy cells that may speak for every provider: one for each way to sign.
ISSUERS: dict[Signed, str] = {
    "response": "https://cells.example/saml/metadata",
    "assertion": "https://assertion.example/saml/metadata",
    "both": "https://both.example/saml/metadata",
}
# A legacy cell that may speak for Google alone, and two issuers that do not speak our contract.
OTHERS: dict[str, str] = {
    "limited": "https://other.example/saml/metadata",
    "partner": "https://idp.partner.example/metadata",
    "directory": "https://directory.example/idp",
}


def entity_id_of(signed: Signed, issuer: str) -> str:
    """Return the entity ID of the issuer called *issuer*, or where that is empty, of the legacy cell that signs *signed*."""
    return OTHERS[issuer] if issuer else ISSUERS[signed]
