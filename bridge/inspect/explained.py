"""What each check is for, what usually breaks it, and who can mend it: the prose of docs/inspector.md, for the web inspector.

The law: this is told in one place. A test compares the page with it, word for word.
"""

EXPLAINED: dict[int, str] = {
    1: (
        "One SAMLResponse in strict base64. A proxy or an extension that rewrites forms, a copy with something cut off, a "
        "response that came by another binding. Post the form as the legacy cell made it."
    ),
    2: (
        "Plain XML within the limits: UTF-8, elements and text only, at most 150 000 bytes. A compressed message, a "
        'document that an editor or a pretty-printer touched, or an attack by DOCTYPE and entities. Never "clean" a '
        "signed document."
    ),
    3: (
        "A SAML 2.0 Response. Often a request, an assertion alone or metadata was posted in its place; the first line "
        "says which."
    ),
    4: (
        "Valid by the schema and the closed profile. An identity provider that adds extensions or advice, or a value of a "
        "wrong type. Switch the additions off at the sender."
    ),
    5: ("Status Success. The sender itself failed and says so in the status; its own log has the cause."),
    6: (
        "Exactly one Assertion, in the Response. A correct sender puts in one. More than one, or one elsewhere, is how "
        "signature wrapping looks."
    ),
    7: (
        "Signed by a pinned key, over its own parent. Usually the key was rolled on one side only, or two certificates "
        'were swapped: compare the fingerprints in the report. "Another digest" means that the document was changed after '
        "it was signed. `handoff.algorithm` means a method that is not on the list, mostly SHA-1."
    ),
    8: ("Issuer trusted. The entity ID of `[[trust]]` and the legacy cell's differ, often by a last slash."),
    9: (
        "Destination is this endpoint. The two cells have different public URLs (a proxy that changes the host, http for "
        "https), or the document belongs to another organization."
    ),
    10: ("Audience is this organization. As check 9, or the topology named the wrong organization."),
    11: (
        "Bearer confirmation for this endpoint, unsolicited. `handoff.solicited` means an answer to somebody's request, "
        "which may have been stolen; an identity provider has to be told to start by itself."
    ),
    12: (
        "Valid now, and not for long. Clocks that differ, a tab that was open for long, the back button. The times show "
        "which; only the clock is a fault."
    ),
    13: (
        "Contract version known. A sender that does not speak cellbridge/1 needs `attributes` in `[[trust]]`; otherwise "
        "bring both cells to versions that speak the same contract."
    ),
    14: (
        "Each attribute once, in its form. The sender left one out, wrote it twice, or put a value in it that has no such form."
    ),
    15: ("Organization is the endpoint's. The directory's id or path of the organization and those in `[[org]]` differ."),
    16: (
        "Posted by the browser that started. The cookie is gone: another browser, a private window, cells on two sites, "
        "or somebody else's response. Give `--binding-secret` to have it judged here."
    ),
    17: ("python3-saml agrees. Two implementations see two different things in one document. Keep it and report it."),
    18: (
        "Not spent before. Only the cell's store knows; the inspector never asks it. The audit trail of the cell shows "
        "the first use."
    ),
}
