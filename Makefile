# What a developer does here. Each target provides what it needs by itself: Go, bash and (as root, or with sudo) apt-get are
# all that a bare Debian or Ubuntu machine must have.

GO         ?= go
PKGS       ?= ./...
TEST_FLAGS ?=
ARGS       ?=
FUZZTIME   ?= 20s

.DEFAULT_GOAL := help
.PHONY: help run test clients bench fuzz lint generate build charts

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Everything in one process, with emulated providers; its data stay in .muara
	@mkdir -p .muara/bin
	$(GO) build -buildvcs=false -o .muara/bin/dev ./cmd/dev
	@exec scripts/servers --data .muara run -- .muara/bin/dev $(ARGS)

test: ## The tests, on a real Postgres and a real Redis (PKGS=./pkg/order TEST_FLAGS='-run Place -race')
	@exec scripts/servers run -- $(GO) test $(TEST_FLAGS) $(PKGS)

clients: ## The API's documents: two linters, and clients in Go and TypeScript that are generated from them and buy something
	@node=$$(scripts/node) && MUARA_NODE=$$node exec scripts/servers run -- $(GO) test $(TEST_FLAGS) ./cmd/internal/clients

bench: ## The benchmarks, on servers that sync every commit; figures also in .muara/bench.json
	@mkdir -p .muara/bin
	$(GO) build -buildvcs=false -o .muara/bin/ ./cmd/muara ./cmd/bench
	@exec scripts/servers --durable run -- .muara/bin/bench $(ARGS)

fuzz: ## Each fuzz target for a while (FUZZTIME=5m)
	@exec scripts/servers run -- scripts/fuzz $(FUZZTIME)

lint: ## golangci-lint, at its pinned version
	@exec scripts/lint

generate: ## Write anew what is generated: the OpenAPI documents, the chart's README, drivers and dashboards
	$(GO) generate ./...
	cd charts && $(GO) generate ./...

build: ## The released binary and the list of what is in it, in .muara/release (VERSION=v1.2.3 PLATFORMS='linux/amd64 linux/arm64')
	scripts/build --version "$(VERSION)" $(PLATFORMS)

charts: ## The chart's tests: schemas, policies, and the roles run under what it renders
	@exec scripts/servers run -- $(GO) -C charts test $(TEST_FLAGS) ./...
