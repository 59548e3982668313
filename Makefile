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
	printf '\n  make demo KUBE_CONTEXT=kind-kind   the same on a cluster of yours, in a namespace of its own; make dev likewise\n'

.PHONY: demo
demo: ## The whole product on a real cluster: a burst of jobs, the pool from 0 to many and back, the ledger
	@$(WITH) $(if $(KUBE_CONTEXT),packages,node) -- $(BUILD) node e2e/src/demo/main.ts $(if $(KUBE_CONTEXT),--kube-context=$(KUBE_CONTEXT)) $(ARGS)

.PHONY: dev
dev: ## The controllers from source on a real cluster, restarted on change, logs in one stream; ARGS=--help
	@$(WITH) $(if $(KUBE_CONTEXT),packages,node) -- node tools/dev/src/main.ts $(if $(KUBE_CONTEXT),--kube-context=$(KUBE_CONTEXT)) $(ARGS)

.PHONY: jobs
jobs: ## Add COUNT=200 jobs to the example queue while `make dev` runs
	@$(WITH) packages -- node tools/dev/src/jobs.ts --count=$(or $(COUNT),200) $(if $(KUBE_CONTEXT),--kube-context=$(KUBE_CONTEXT))

.PHONY: redis-users
redis-users: ## Print the commands that make a Redis user per role with the least rights; PREFIX=bull
	@$(WITH) packages -- node tools/dev/src/redis-users-command.ts --prefix=$(or $(PREFIX),bull)

.PHONY: test
test: ## Every check: format, types, lint, unit, integration (real API server, real Redis), end to end (real pods)
	@$(WITH) $(if $(KUBE_CONTEXT),control-plane,node) -- env KUBE_CONTEXT=$(KUBE_CONTEXT) node tools/workspace/src/test/main.ts $(ARGS)

.PHONY: bench
bench: ## One benchmark, NAME=reaction, pools, …; the last line is one JSON object
	@if [ -z "$(filter $(NAME),$(BENCHES))" ]; then echo "make bench needs a NAME: one of $(BENCHES)" >&2; exit 2; fi
	$(WITH) $(if $(filter $(NAME),$(POD_BENCHES)),node,control-plane) -- node bench/src/*/$(NAME).bench.ts $(ARGS)

.PHONY: conformance
conformance: ## Which level of the pod contract (docs/pod-contract.md) IMAGE=registry.example/worker:1 keeps, as pods; ARGS=--help
	@$(WITH) $(if $(COMMAND),control-plane,node) -- node e2e/src/conformance/main.ts $(if $(IMAGE),--image='$(IMAGE)') $(if $(COMMAND),--command='$(COMMAND)') $(if $(QUEUE),--queue='$(QUEUE)') $(if $(JOB),--job='$(JOB)') $(if $(LEVEL),--level=$(LEVEL)) $(ARGS)

.PHONY: generate
generate: ## Write what is generated: CRDs, reference pages, scripts
	@$(WITH) packages -- npx nx run-many -t generate

.PHONY: fix
fix: ## Format the sources
	@$(WITH) packages -- npx prettier --write --log-level=warn .

.PHONY: hooks
hooks: ## Have Git format and lint what you commit (sets core.hooksPath of this clone)
	@git config core.hooksPath tools/hooks
	echo "✔ tools/hooks; to turn it off: git config --unset core.hooksPath"

.PHONY: release
release: ## Images, charts, worker library, SBOMs, notes and checksums into dist/: offline, the same bytes from every clone
	@tools/toolchain/system-packages.sh node
	$(WITH) control-plane -- node tools/release/src/main.ts $(ARGS)

.PHONY: down
down: ## End the clusters that dev, demo and tests left running
	@$(WITH) packages -- tools/cluster/cluster down --all
