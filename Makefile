# The two commands are `make demo` and `make test`; the scripts behind them say what they do.

.DEFAULT_GOAL := help
.PHONY: help build demo test check bench fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## one real image through the whole pipeline (IMAGE=… ADVISORIES=DIR ONCE=1)
	@IMAGE='$(IMAGE)' ADVISORIES='$(ADVISORIES)' ONCE='$(ONCE)' demo/run.sh

test: ## all tests, against the real counterparts
	@scripts/test.sh

check: ## format, lints, licences and sources of dependencies
	@scripts/check.sh

bench: ## ratios against syft, gzip, pigz and crun, as a table
	@bench/run.sh

fuzz: ## every parser of bytes that others chose, for a bounded time (TIME=60 seconds each)
	@TIME='$(TIME)' scripts/fuzz.sh

build: ## the release binaries, in target/release
	@scripts/build.sh
