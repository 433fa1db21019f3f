# One image for all three services: cellbridge serve idp|sp|topology. Every package is checked against its hash.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock requirements-runtime.lock ./
# The build backend comes from the lock, too, and stays behind in this stage.
RUN awk '/^[a-z]/ { keep = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } keep' requirements.lock > build.lock \
    && python -m venv /opt/build \
    && /opt/build/bin/python -m pip install --no-cache-dir --require-hashes -r build.lock \
    && python -m venv /opt/cellbridge \
    && /opt/cellbridge/bin/python -m pip install --no-cache-dir --require-hashes -r requirements-runtime.lock
COPY . .
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/cellbridge/bin/python -m pip install --no-deps --no-index dist/*.whl \
    && /opt/cellbridge/bin/python -m pip uninstall --yes pip setuptools

FROM python:3.11-slim
COPY --from=build /opt/cellbridge /opt/cellbridge
# Empty folders that belong to the service's user: volumes mounted here begin with that owner.
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin cellbridge \
    && install -d -o cellbridge -g cellbridge -m 0700 \
        /var/lib/cellbridge /var/lib/cellbridge/legacy /var/lib/cellbridge/owning \
        /var/lib/cellbridge/topology /var/lib/cellbridge/shared
ENV PATH=/opt/cellbridge/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CELLBRIDGE_SERVICE__BIND=0.0.0.0:8000
USER 10001:10001
WORKDIR /var/lib/cellbridge
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['CELLBRIDGE_SERVICE__BIND'].rpartition(':')[2] + '/-/readyz', timeout=2)"]
ENTRYPOINT ["cellbridge"]
CMD ["--help"]
