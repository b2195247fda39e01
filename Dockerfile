# A service of the runs mounted at /runs; see docs/serving.md. For a CPU; runs not as root.
FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY pyproject.toml CMakeLists.txt README.md LICENSE ./
COPY csrc csrc
COPY src src
RUN python -m venv /elman && /elman/bin/pip install --no-cache-dir \
    --extra-index-url https://download.pytorch.org/whl/cpu '.[serve]'

FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home elman
COPY --from=build /elman /elman
USER elman
WORKDIR /runs
EXPOSE 8000
HEALTHCHECK CMD ["/elman/bin/python", "-c", \
    "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/v2/health/ready', timeout=3)"]
# ELMAN_TOKEN must be given: others than this machine can reach the service
ENTRYPOINT ["/elman/bin/elman", "serve", "--host", "0.0.0.0"]
