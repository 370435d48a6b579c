# Scrubline alone: one static binary, no shell, no package, no writable file.
#
#   docker build -t scrubline .
#   docker run --read-only --cap-drop ALL -p 127.0.0.1:9180:9180 \
#       -e SCRUBLINE_UPSTREAM__URL=https://o1.ingest.sentry.example scrubline
#
# Where the builder's image cannot be had, packaging/image.sh builds the binary on the host and makes the same runtime
# stage from it.

FROM rust:1-slim-bookworm AS build
WORKDIR /src
COPY . .
# A target of its own, so that `crt-static` is for what is shipped and not for build scripts and macros.
RUN RUSTFLAGS="-C target-feature=+crt-static" \
        cargo build --release --locked --bin scrubline --target "$(uname -m)-unknown-linux-gnu" \
    && mkdir /out \
    && cp "target/$(uname -m)-unknown-linux-gnu/release/scrubline" /out/

FROM scratch AS runtime
LABEL org.opencontainers.image.title="scrubline" \
      org.opencontainers.image.description="A streaming proxy that takes the secrets out of Sentry telemetry before it leaves" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/scrubline /scrubline
# By number, since there is no /etc/passwd; and so that a cluster which demands `runAsNonRoot` can tell.
USER 65532:65532
# In a container, loopback is out of everyone's reach. The admin listener stays on it: it has no authentication.
ENV SCRUBLINE_SERVER__LISTEN=0.0.0.0:9180
EXPOSE 9180
# No HEALTHCHECK: it would need a shell or a client in here. Let the orchestrator ask GET /healthz (alive) and GET
# /readyz (may have traffic) on the admin listener; for that, set SCRUBLINE_SERVER__ADMIN to an address which only it
# reaches.
ENTRYPOINT ["/scrubline"]
CMD ["serve"]
