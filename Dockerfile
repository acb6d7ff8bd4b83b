# The image of the exporter. It runs as an unprivileged user, with a read-only root and no
# capabilities, in the network namespace that it watches:
#   docker run --network host --cgroupns host --read-only --cap-drop all tcp-pressure-exporter:VERSION

# Any Debian or Ubuntu with Python 3.11 or later; give a digest to have the same one each time.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
# No versions of Debian packages: mirrors keep only the newest, which has the security fixes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements.txt requirements-build.txt ./
RUN python3 -m venv /opt/tcp-pressure-exporter \
    && /opt/tcp-pressure-exporter/bin/pip install --no-cache-dir --require-hashes \
        --requirement requirements.txt --requirement requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY LICENSES LICENSES
COPY src ./src
COPY docs ./docs
# The imports prove that everything was compiled, which pyproject.toml leaves optional. The build tools
# are removed again.
RUN CFLAGS=-g0 /opt/tcp-pressure-exporter/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/tcp-pressure-exporter/bin/python -c 'import tcp_pressure_exporter.sources.counting._tally, tcp_pressure_exporter.sources.bpf._bpf' \
    && /opt/tcp-pressure-exporter/bin/pip uninstall --yes setuptools pip

FROM ${BASE}
ARG BASE
ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tcp-pressure-exporter" \
      org.opencontainers.image.description="Prometheus exporter that tells how close a host's TCP port pools are to running out" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.licenses="Apache-2.0"
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*
COPY --from=build /opt/tcp-pressure-exporter /opt/tcp-pressure-exporter
ENV PATH=/opt/tcp-pressure-exporter/bin:$PATH
USER 65532:65532
EXPOSE 10190
# Whether the newest sample is current. For the default address and plain HTTP; otherwise set a check of
# your own.
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 10190, timeout=3); c.request('GET', '/-/ready'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["tcp-pressure-exporter"]
