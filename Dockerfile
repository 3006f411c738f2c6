# syntax=docker/dockerfile:1
# One image for every role: `muara api`, `muara worker`, `muara scheduler`, `muara migrate`.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=v1.2.3 --tag REGISTRY/muara:v1.2.3 --push .
#
# The builder runs on the machine's own platform and cross-compiles; nothing is emulated.
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download && go mod verify
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH=amd64
ARG VERSION=""
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    scripts/build --version "${VERSION}" --out /release "${TARGETOS}/${TARGETARCH}" && \
    mv "/release/muara-${TARGETOS}-${TARGETARCH}" /muara && \
    mv "/release/muara-${TARGETOS}-${TARGETARCH}.cdx.json" /sbom.cdx.json

FROM scratch
ARG VERSION=""
LABEL org.opencontainers.image.title="muara" \
      org.opencontainers.image.description="One API and one balance over many providers" \
      org.opencontainers.image.source="https://github.com/muarahq/muara" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /sbom.cdx.json /sbom.cdx.json
COPY --from=build /muara /muara
# So that `kubectl exec … -- muara order list` finds it.
ENV PATH=/
# A number, so that Kubernetes can see that it is not root's; nothing is written anywhere, so the root may be read-only.
USER 65532:65532
# Merchant API, admin API; metrics and health of the API, of workers, of the scheduler.
EXPOSE 8080 8081 9090 9091 9092
ENTRYPOINT ["/muara"]
