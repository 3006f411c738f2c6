# One image for every role: `muara api`, `muara worker`, `muara scheduler`, `muara migrate`.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=""
# Static, so that it runs on nothing; the time zones are in it, since no system is there to have them.
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags timetzdata \
    -ldflags "-s -w -X main.version=${VERSION}" -o /muara ./cmd/muara

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /muara /muara
USER 65532:65532
# Merchant API, admin API, metrics.
EXPOSE 8080 8081 9090
ENTRYPOINT ["/muara"]
