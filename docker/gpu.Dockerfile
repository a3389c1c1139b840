# streamdet with what a GPU needs: CUDA 13's runtime, TensorRT, PyCUDA, torch (driver 580 or newer on the host).
# Written and linted, never built: see docs/containers.md.  docker build -f docker/gpu.Dockerfile -t streamdet:gpu .
FROM nvidia/cuda:13.0.1-devel-ubuntu24.04 AS build
ENV DEBIAN_FRONTEND=noninteractive
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ python3.12-dev python3.12-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY streamdet streamdet
COPY engines engines
COPY pipelines pipelines
COPY configs configs
RUN python3.12 -m venv /opt/streamdet \
    && /opt/streamdet/bin/pip install --no-cache-dir '.[run,parquet,query,mqtt,server,gpu]'

FROM nvidia/cuda:13.0.1-runtime-ubuntu24.04
# hadolint ignore=DL3008
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3.12 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 streamdet \
    && install -d -o streamdet /home/streamdet/.cache
COPY --from=build /opt/streamdet /opt/streamdet
ENV PATH=/opt/streamdet/bin:$PATH PYTHONUNBUFFERED=1 NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
USER 10001
WORKDIR /home/streamdet
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["streamdet"]
CMD ["--help"]
