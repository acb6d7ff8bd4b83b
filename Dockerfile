# The image of the exporter. It runs as an unprivileged user, with a read-only root and no
# capabilities, in the network namespace that it is to watch:
#   docker run --network host --read-only --cap-drop all tcp-pressure-exporter

ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
# No versions of Debian packages: mirrors keep only the newest, which has the security fixes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY src ./src
# pip goes again: the image only needs what it installed.
RUN python3 -m venv /opt/tcp-pressure-exporter \
    && /opt/tcp-pressure-exporter/bin/pip install --no-cache-dir --constraint constraints.txt . \
    && /opt/tcp-pressure-exporter/bin/pip uninstall --yes pip

FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="tcp-pressure-exporter" \
      org.opencontainers.image.description="Prometheus exporter that tells how close a host's TCP port pools are to running out" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/tcp-pressure-exporter /opt/tcp-pressure-exporter
ENV PATH=/opt/tcp-pressure-exporter/bin:$PATH
USER 65532:65532
EXPOSE 10190
# Fits the default address and plain HTTP; with others, set a check of your own.
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 10190, timeout=3); c.request('GET', '/-/healthy'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["tcp-pressure-exporter"]
