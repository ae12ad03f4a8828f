# Replaces rust:…-slim-trixie if that image cannot be pulled. The context is the directory of a Rust toolchain.
FROM debian:trixie-slim
ENV CARGO_HOME=/usr/local/cargo PATH=/usr/local/rust/bin:$PATH
RUN set -eu; \
    apt-get update -q; \
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends ca-certificates gcc libc6-dev; \
    rm -rf /var/lib/apt/lists/*
COPY bin /usr/local/rust/bin
COPY lib /usr/local/rust/lib
