# The worker: torch, and the built-in model; other models come into the volume /models.
#
#   docker build --file deploy/images/worker.Dockerfile --tag prompt2pic-worker .
#
# TORCH=cpu ends the build unless pip finds a CPU build of torch, in the place that TORCH_INDEX or pip's own settings
# name; TORCH=cuda takes what pip finds first, which on PyPI is the build for NVIDIA's cards (it paints on a CPU, too).
#
# BASE is any image with Python 3.11 or newer as `python3`, with its `venv`; both stages start from it.
ARG BASE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
ARG TORCH=cuda

# What it is made of, in a folder of its own: a new version of our own code replaces one small layer.
FROM ${BASE} AS parts
SHELL ["/bin/sh", "-euc"]
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_PROGRESS_BAR=off
WORKDIR /build
RUN python3 -m venv /pip && python3 -m venv --without-pip /opt/parts
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src/prompt2pic/__init__.py src/prompt2pic/
ARG TORCH
ARG TORCH_INDEX=
# pip's own settings and certificates are secrets of the build: `--secret id=pip,src=...`, both may be left out.
# Of the tables of languages, 30 MB, the two that are spoken stay.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    /pip/bin/pip --python /opt/parts/bin/python install --constraint constraints.txt \
      ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} '.[worker,s3,kafka]'; \
    /pip/bin/pip --python /opt/parts/bin/python uninstall --yes prompt2pic; \
    find /opt/parts -path '*/babel/locale-data/*.dat' ! -name 'en*' ! -name 'ru*' ! -name root.dat -delete; \
    /opt/parts/bin/python -c "import sys, torch; sys.exit('cpu' == '${TORCH}' and torch.version.cuda is not None \
      and 'pip found no CPU build of torch: name its index, --build-arg TORCH_INDEX=...')"

# Our own code, and the list of everything in the image (CycloneDX).
FROM parts AS own
ARG CYCLONEDX=7.5.0
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    /pip/bin/pip install --constraint constraints.txt "cyclonedx-bom==${CYCLONEDX}" setuptools
COPY src src
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    /pip/bin/pip install --no-deps --no-build-isolation --target /opt/prompt2pic . ; \
    PYTHONPATH=/opt/prompt2pic /pip/bin/cyclonedx-py environment --output-reproducible \
      --output-file /opt/prompt2pic/sbom.cdx.json /opt/parts/bin/python; \
    mkdir /empty

FROM ${BASE}
COPY --from=parts /opt/parts /opt/parts
COPY --from=own /opt/prompt2pic /opt/prompt2pic
COPY --from=own --chown=10001:10001 /empty /data
COPY --from=own --chown=10001:10001 /empty /models
ENV PATH=/opt/parts/bin:/opt/prompt2pic/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/prompt2pic \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    HF_HOME=/models \
    PROMPT2PIC_DATA=/data \
    PROMPT2PIC_HOST=0.0.0.0 \
    PROMPT2PIC_METRICS_PORT=9464 \
    PROMPT2PIC_LOG_FORMAT=json
WORKDIR /data
VOLUME /data /models
EXPOSE 9464
USER 10001:10001
STOPSIGNAL SIGTERM
# One that can not start lingers for a minute and says why: it must be called unhealthy within that time.
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s --retries=2 \
    CMD ["python3", "-m", "prompt2pic.ops.probe"]
ENTRYPOINT ["python3", "-m", "prompt2pic", "--linger", "60"]
CMD ["worker"]
# Last, as they differ in every build.
ARG TORCH
ARG VERSION=0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Prompt2Pic worker (${TORCH})" \
      org.opencontainers.image.description="Paints pictures with Wuerstchen; the built-in model is inside" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
