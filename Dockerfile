# Two images from one file. `docker build --target web .`: the web server, without TensorFlow.
# `docker build --target worker .`: everything, for the workers, the schedule and the command line.
# Debian's Python, not python:3.11-slim: 25 MB less, and its security updates come with the system's.
ARG DEBIAN=debian:bookworm-slim

# hadolint ignore=DL3006
FROM ${DEBIAN} AS python
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/*

FROM python AS build
# hadolint ignore=DL3008,DL3009
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
COPY deploy/slim.sh /slim.sh

FROM build AS build-web
COPY requirements-web.txt /
RUN python3 -m venv /venv && /venv/bin/pip install --no-cache-dir -r /requirements-web.txt && sh /slim.sh /venv

FROM build AS build-worker
# `--build-arg "TENSORFLOW=tensorflow[and-cuda]"` makes a worker for NVIDIA GPUs.
ARG TENSORFLOW=tensorflow-cpu
COPY requirements.txt /
RUN sed -i "s/^tensorflow-cpu==/${TENSORFLOW}==/" /requirements.txt \
    && python3 -m venv /venv && /venv/bin/pip install --no-cache-dir -r /requirements.txt && sh /slim.sh /venv

# What .dockerignore lets through, compiled: a read-only container cannot keep what Python compiles.
FROM python AS source
COPY . /fovea
RUN python3 -m compileall -q /fovea

FROM python AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Fovea" \
      org.opencontainers.image.description="Trains, serves, watches and retrains image classifiers." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin fovea \
    && install --directory --owner fovea --group fovea /data \
    && install --directory /weights /classifiers
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /fovea
VOLUME ["/data", "/tmp"]
USER 10001:10001
# Brings the tables up to date and puts the demonstration models in place, then becomes the command.
ENTRYPOINT ["python3", "-m", "deploy.start"]

FROM runtime AS worker
ENV TF_CPP_MIN_LOG_LEVEL=2 \
    KERAS_HOME=/tmp/keras
COPY --from=build-worker /venv /venv
COPY --from=source /fovea /fovea
HEALTHCHECK --interval=60s --timeout=30s --start-period=60s --retries=5 CMD ["python3", "-m", "deploy.alive"]
CMD ["celery", "--quiet", "-A", "worker.celery_app", "worker", "-Q", "batch", "-n", "batch@%h", "-P", "prefork"]

FROM runtime AS web
COPY --from=build-web /venv /venv
COPY --from=source /fovea /fovea
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python3", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
CMD ["gunicorn", "--config", "deploy/gunicorn.conf.py", "wsgi:app"]
