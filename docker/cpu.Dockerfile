# streamdet for CPUs. Build it in the checkout:  docker build -f docker/cpu.Dockerfile -t streamdet .
FROM python:3.11-slim-bookworm AS build
ARG EXTRAS=run,parquet,query,mqtt,server
ARG MORE=
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY streamdet streamdet
COPY engines engines
COPY pipelines pipelines
COPY configs configs
RUN python -m venv /opt/streamdet \
    && /opt/streamdet/bin/pip install --no-cache-dir ".[${EXTRAS}]" ${MORE:+"$MORE"}

FROM python:3.11-slim-bookworm
# A volume belongs to whom its folder here belongs to.
RUN useradd --create-home --uid 10001 streamdet \
    && install -d -o streamdet /home/streamdet/.cache /results
COPY --from=build /opt/streamdet /opt/streamdet
ENV PATH=/opt/streamdet/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /home/streamdet
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["streamdet"]
CMD ["--help"]
