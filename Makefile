# `make` alone prints what can be made. Everything here is one command that can be typed as well.

export CGO_ENABLED = 0

FUZZTIME ?= 30s
MODELTIME ?= 1h

# Files that hold tests, without what other tools keep in hidden folders.
TESTS = find . -name '*_test.go' -not -path '*/.*/*'

.DEFAULT_GOAL := help
.PHONY: help build up demo test test-long model lint bench fuzz cover clean

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/lazuli, one static binary
	go build -trimpath -ldflags '-s -w' -o bin/lazuli ./cmd/lazuli

up: build ## run the platform on this machine
	bin/lazuli up

demo: build ## start the platform, submit real files, print what was found, serve the pages (ONCE=1 ends then)
	go run ./test/demo $(if $(ONCE),--once)

test: ## install what tests need, then run all of them
	test/setup
	go test -timeout 20m ./...

test-long: ## the same with a hundred kills, and random operations for longer
	LAZULI_LONG=1 test/setup
	LAZULI_LONG=1 go test -timeout 2h -count 1 ./...

model: ## random steps with the dispatcher beside its model, for MODELTIME (1h)
	LAZULI_MODELTIME=$(MODELTIME) go test -timeout 0 -count 1 -v -run '^TestModel$$' ./internal/dispatcher

lint: ## formatting, vet, staticcheck, import directions
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted (gofmt -w fixes it):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...
	go test -count 1 ./test/arch

bench: ## benchmarks, below a line that says what they ran on
	@echo "machine: $$(uname -sm), $$(nproc) x $$(awk -F ': ' '/^model name/ {print $$2; exit}' /proc/cpuinfo), $$(awk '/^MemTotal/ {printf "%.0f GiB", $$2/1048576}' /proc/meminfo), $$(go env GOVERSION)"
	go test -run - -bench . -benchmem $$($(TESTS) -exec grep -l '^func Benchmark' {} + | xargs -n 1 dirname | sort -u)

fuzz: ## every fuzz target for FUZZTIME (30s)
	@$(TESTS) -exec grep -Ho '^func Fuzz[A-Za-z0-9_]*' {} + | sort | while IFS=: read -r file func; do \
		echo "== $${func#func } in $$(dirname $$file)"; \
		go test -run - -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) $$(dirname $$file) </dev/null || exit 1; \
	done

cover: ## tests with coverage, in .cache/cover.out
	test/setup
	go test -timeout 20m -coverpkg ./... -coverprofile .cache/cover.out ./...
	go tool cover -func .cache/cover.out | tail -1

clean: ## remove what was built; what tests installed stays in .cache
	rm -rf bin .cache/cover.out
	go clean -testcache
