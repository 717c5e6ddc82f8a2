# One image for every role; docker-compose.yml says which container runs what.
FROM python:3.11-slim AS build
RUN pip install --no-cache-dir uv
COPY requirements.txt .
RUN uv venv /venv && uv pip install --no-cache --compile-bytecode --python /venv/bin/python -r requirements.txt

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home fovea && install --directory --owner fovea /data
COPY --from=build /venv /venv
WORKDIR /fovea
COPY . .
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    TF_CPP_MIN_LOG_LEVEL=2 \
    DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=8000
USER fovea
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
CMD ["gunicorn", "--config", "deploy/gunicorn.conf.py", "wsgi:app"]
