"""The legacy cell as a Flask application.

The law: composition only; what a request does stands in the module of its part.
"""

from flask import Flask

from bridge.accounts.background import background_purge
from bridge.config import IdpConfig
from bridge.web.app import create_app as create_web_app
from bridge.web.expiry import CertificateLife
from bridge.web.messages import Labels
from bridge.web.metrics import Metrics
from idp import email_first, metadata, oauth, sign_in
from idp.cell import LegacyCell, build


def create_app(config: IdpConfig) -> Flask:
    """Return the application; raises `OperatorError` for what *config* points to and cannot be used."""
    cell = build(config)
    metrics = Metrics("idp")
    app = create_web_app(
        "idp",
        service=config.service,
        ready={"database": cell.accounts.check_ready, "topology": cell.topology.ping},
        labels=Labels(providers={name: provider.label for name, provider in cell.providers.items()}),
        random_bytes=cell.random_bytes,
        metrics=metrics,
    )
    metrics.watch_certificates(lambda: certificate_lives(cell))
    for life in certificate_lives(cell):
        life.warn()
    app.register_blueprint(sign_in.blueprint(cell))
    app.register_blueprint(email_first.blueprint(cell))
    app.register_blueprint(oauth.blueprint(cell, metrics))
    app.register_blueprint(metadata.blueprint(cell))
    background_purge(
        cell.accounts.purge, seconds=config.sessions.purge_seconds, clock=cell.clock, random_bytes=cell.random_bytes
    ).start()
    return app


def certificate_lives(cell: LegacyCell) -> list[CertificateLife]:
    """Return how long the published certificates are still valid."""
    now = cell.clock()
    return [CertificateLife.of(cell.config.saml.entity_id, one, now) for one in cell.keys.current().published]
