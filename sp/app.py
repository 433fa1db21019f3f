"""An owning cell as a Flask application; one process serves all its organizations.

The law: composition only; what a request does stands in the module of its part.
"""

import structlog
from flask import Flask

from bridge.accounts.background import background_purge
from bridge.background import Background
from bridge.config import SpConfig
from bridge.web.app import create_app as create_web_app
from bridge.web.metrics import Metrics
from sp import endpoint, identities, pages, sign_in
from sp.cell import build
from sp.claims import tell_topology
from sp.metadata_refresh import Refresher
from sp.trust import fingerprints, lifetimes, look_again, require_trust, warn_of_expiry

CLAIM_SECONDS = 5

log = structlog.get_logger()


def create_app(config: SpConfig, *, background: bool = False) -> Flask:
    """Return the application; raises `OperatorError` for what *config* points to and cannot be used.

    *background* starts the threads of a worker, which last as long as its process: they fetch metadata and purge the tables.
    """
    cell = build(config)
    metrics = Metrics("sp")
    app = create_web_app(
        "sp",
        service=config.service,
        ready={"database": cell.accounts.check_ready, "trust": lambda: require_trust(cell.live_trust, cell.clock())},
        labels=cell.labels,
        random_bytes=cell.random_bytes,
        metrics=metrics,
        details={"trust": lambda: fingerprints(config, cell.live_trust)},
        start_path=config.sign_in_page,
    )
    metrics.watch_certificates(lambda: lifetimes(cell.live_trust, cell.clock()))
    app.register_blueprint(endpoint.blueprint(cell, metrics))
    app.register_blueprint(sign_in.blueprint(cell, metrics))
    app.register_blueprint(identities.blueprint(cell))
    app.register_blueprint(pages.blueprint(cell))
    if background:
        chores = (lambda: look_again(cell.live_trust), lambda: warn_of_expiry(cell.live_trust, cell.clock()))
        Refresher(config.trust, chores=chores).start()
        background_purge(
            cell.accounts.purge, seconds=config.sessions.purge_seconds, clock=cell.clock, random_bytes=cell.random_bytes
        ).start()
        if config.topology.url is not None:  # a directory file keeps no claims
            Background(
                "claims",
                lambda: tell_topology(cell.accounts, cell.topology, clock=cell.clock),
                seconds=CLAIM_SECONDS,
                random_bytes=cell.random_bytes,
                woken=cell.news,
            ).start()
    if cell.second_opinion is None:
        log.warning("second_opinion.off", means="our own checks alone decide which handoffs count")
    for org in config.org:
        if org.binding == "unsafe_unbound":
            log.warning("org.unsafe_unbound", org=org.path, means="any browser can be signed in with anybody's handoff")
    return app
