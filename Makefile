# redis-queue: everything a developer or a new user runs. Each target sets up what it needs; `make help` lists them.
SHELL := bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
WITH := tools/toolchain/with.sh
BUILD := tools/build/apps.sh
# By their entries, bench/src/<folder>/<name>.bench.ts.
BENCHES := $(sort $(patsubst %.bench.ts,%,$(notdir $(wildcard bench/src/*/*.bench.ts))))
# Benches that run real pods, which needs root.
POD_BENCHES := rollout scale-in

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	printf '\n  make demo KUBE_CONTEXT=kind-kind   the same on a cluster of yours, in a namespace of its own\n'

.PHONY: demo
demo: ## The whole product on a real cluster: a burst of jobs, the pool from 0 to many and back, the ledger
	@$(WITH) $(if $(KUBE_CONTEXT),packages,node) -- $(BUILD) node e2e/src/demo/main.ts $(if $(KUBE_CONTEXT),--kube-context=$(KUBE_CONTEXT)) $(ARGS)

.PHONY: test
test: ## Every check: format, types, lint, unit, integration (real API server, real Redis), end to end (real pods)
	@$(WITH) $(if $(KUBE_CONTEXT),control-plane,node) -- env KUBE_CONTEXT=$(KUBE_CONTEXT) node tools/workspace/src/test/main.ts $(ARGS)

.PHONY: bench
bench: ## One benchmark, NAME=reaction, pools, …; the last line is one JSON object
	@if [ -z "$(filter $(NAME),$(BENCHES))" ]; then echo "make bench needs a NAME: one of $(BENCHES)" >&2; exit 2; fi
	$(WITH) $(if $(filter $(NAME),$(POD_BENCHES)),node,control-plane) -- node bench/src/*/$(NAME).bench.ts $(ARGS)

.PHONY: generate
generate: ## Write what is generated: CRDs, reference pages, scripts
	@$(WITH) packages -- npx nx run-many -t generate

.PHONY: fix
fix: ## Format the sources
	@$(WITH) packages -- npx prettier --write --log-level=warn .

.PHONY: down
down: ## End the clusters that demo and tests left running
	@$(WITH) packages -- tools/cluster/cluster down --all
