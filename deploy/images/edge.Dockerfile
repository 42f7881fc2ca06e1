# The edge: bot, page and HTTP API, topics and queue commands; no torch, no model.
#
#   docker build --file deploy/images/edge.Dockerfile --tag prompt2pic-edge .
#
# BASE is any image with Python 3.11 or newer as `python3`, with its `venv`; both stages start from it.
ARG BASE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

# What it is made of, in a folder of its own: a new version of our own code replaces one small layer.
FROM ${BASE} AS parts
SHELL ["/bin/sh", "-euc"]
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_PROGRESS_BAR=off
WORKDIR /build
RUN python3 -m venv /pip && python3 -m venv --without-pip /opt/parts
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src/prompt2pic/__init__.py src/prompt2pic/
# pip's own settings and certificates are secrets of the build: `--secret id=pip,src=...`, both may be left out.
# Of the tables of languages, 30 MB, the two that are spoken stay; and nobody calls the parts' commands.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    /pip/bin/pip --python /opt/parts/bin/python install --constraint constraints.txt '.[bot,web,s3,kafka]'; \
    /pip/bin/pip --python /opt/parts/bin/python uninstall --yes prompt2pic; \
    find /opt/parts -path '*/babel/locale-data/*.dat' ! -name 'en*' ! -name 'ru*' ! -name root.dat -delete

# Our own code, and the list of everything in the image (CycloneDX).
FROM parts AS own
ARG CYCLONEDX=7.5.0
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    /pip/bin/pip install --constraint constraints.txt "cyclonedx-bom==${CYCLONEDX}" setuptools
COPY src src
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    /pip/bin/pip install --no-deps --no-build-isolation --target /opt/prompt2pic . ; \
    rm -rf /opt/prompt2pic/prompt2pic/models; \
    PYTHONPATH=/opt/prompt2pic /pip/bin/cyclonedx-py environment --output-reproducible \
      --output-file /opt/prompt2pic/sbom.cdx.json /opt/parts/bin/python; \
    mkdir /empty

FROM ${BASE}
COPY --from=parts /opt/parts /opt/parts
COPY --from=own /opt/prompt2pic /opt/prompt2pic
COPY --from=own --chown=10001:10001 /empty /data
ENV PATH=/opt/parts/bin:/opt/prompt2pic/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/prompt2pic \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    PROMPT2PIC_DATA=/data \
    PROMPT2PIC_HOST=0.0.0.0 \
    PROMPT2PIC_METRICS_PORT=9464 \
    PROMPT2PIC_LOG_FORMAT=json
WORKDIR /data
VOLUME /data
EXPOSE 8080 8081 9464
USER 10001:10001
STOPSIGNAL SIGTERM
# One that can not start lingers for a minute and says why: it must be called unhealthy within that time.
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s --retries=2 \
    CMD ["python3", "-m", "prompt2pic.ops.probe"]
ENTRYPOINT ["python3", "-m", "prompt2pic", "--linger", "60"]
CMD ["web"]
# Last, as they differ in every build.
ARG VERSION=0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Prompt2Pic edge" \
      org.opencontainers.image.description="Bot, page and HTTP API of Prompt2Pic, and its operators' commands" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
