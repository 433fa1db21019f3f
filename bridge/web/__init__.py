"""What every Flask application of the pair needs: pages, refusals, headers, cookies, forms, logs, health, metrics, server."""
