# make demo   see it work, nothing to install
# make test   all tests, with the race detector; needs redis-server and FreeRADIUS,
#             which it installs when it is run by root on Debian or Ubuntu
# make lint   gofmt, go mod tidy, go vet, golangci-lint
# make bench  the benchmarks
# make bench-coa  the CoA client beside a bare socket, layeh's client and radclient
# make bench-accounting  accounting beside FreeRADIUS with rlm_rediswho; writes docs/bench-accounting.md
# make stories  10,000 seeded stories of releases on bad networks (STORIES=500 for fewer, STORY=17 for one, with its transcript)
# make fuzz   each fuzz target for 10 s (FUZZTIME=1m for longer)
# make build  bin/cordon

FUZZTIME ?= 10s
STORIES ?= 10000
# The packages that take longest begin first: then none of them runs alone at the end.
LONG := ./store ./integration/e2e ./quarantine/engine ./quarantine/quarantinetest/churn
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.PHONY: demo test lint bench bench-coa bench-accounting stories fuzz build clean

demo:
	go run ./cmd/cordon demo

test:
	.ci/deps
	go test -race -count=1 -timeout 10m $(LONG) ./...

lint:
	@unformatted=$$(gofmt -l .) && if [ -n "$$unformatted" ]; then echo "not in gofmt's form:"; echo "$$unformatted"; exit 1; fi
	.ci/tidy
	go vet ./...
	.ci/golangci-lint run ./...

bench:
	go test -run '^$$' -bench . -benchmem ./...

bench-coa: build
	bin/cordon bench compare
	bin/cordon bench fleet

bench-accounting: build
	.ci/deps
	bin/cordon bench accounting --write docs

stories:
	STORIES=$(STORIES) STORY=$(STORY) go test -count=1 -timeout 2h -run TestStories ./integration/chaos/stories

fuzz:
	.ci/fuzz $(FUZZTIME)

build:
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/cordon ./cmd/cordon

clean:
	rm -rf bin
