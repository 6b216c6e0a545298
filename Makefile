# What can be done with this checkout. Every target sets up first what it needs; `make` alone lists them.

PYTHON := $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell command -v $(name))) python3)
SETUP := @$(PYTHON) deploy/local/setup.py
BIN := .venv/bin
UNIT_COVERED := shared/delivery/*,services/dispatcher/*,services/webhook/*,services/mailer/*
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --no-emit-package signalpost

.DEFAULT_GOAL := help
.PHONY: bench bench-quick coverage help setup python demo test test-rabbitmq4 try-image run chaos chaos-cluster lint types contracts workflows check lock clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/' | expand -t 15

setup: ## make .venv and see that RabbitMQ and MongoDB can run; as root, install what is missing
	$(SETUP)

python:
	$(SETUP) --python-only

demo: setup ## start everything, send one event through it, and show what happened
	@$(BIN)/python -m deploy.local.demo

run: setup ## start everything and keep it running until Ctrl-C
	@$(BIN)/python -m deploy.local.run

test: setup ## run all tests against real servers, two files at a time (choose with ARGS="tests/unit -k retry")
	@$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

coverage: setup ## measure which statements the tests run, in all processes; fails below the floors
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q tests/unit
	@$(BIN)/coverage combine -q && $(BIN)/coverage report --skip-covered --include='$(UNIT_COVERED)' --fail-under=90
	@$(BIN)/coverage run -m pytest -n 2 --dist loadfile --ignore=tests/unit
	@$(BIN)/coverage combine -q --append && $(BIN)/coverage report --skip-covered --fail-under=93

test-rabbitmq4: setup ## run the tests against RabbitMQ 4 of a newer Debian, as root (choose with ARGS="tests/pipeline --suite sid")
	@$(BIN)/python -m deploy.local.rabbitmq4 $(ARGS)

try-image: setup ## build the container image without a registry, run its services, say what is in it (as root)
	@$(BIN)/python -m deploy.image

chaos: setup ## the long fault run, 10 to 20 minutes (repeat one with ARGS="--seed N")
	@$(BIN)/python -m tests.chaos $(ARGS)

chaos-cluster: setup ## the same against three RabbitMQ nodes and three MongoDB members, killing those that lead
	@$(BIN)/python -m tests.chaos --cluster $(ARGS)

bench: setup ## measure everything beside its reference, about half an hour; writes docs/performance.md (ARGS="--only latency")
	@$(BIN)/python -m benchmarks.setup
	@$(BIN)/python -m benchmarks $(ARGS)

bench-quick: setup ## the same in small, in under 5 minutes; the recorded results stay
	@$(BIN)/python -m benchmarks.setup
	@$(BIN)/python -m benchmarks --quick $(ARGS)

lint: python ## look for mistakes and for code that is not formatted
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: python ## check the types
	@$(BIN)/mypy

contracts: python ## check who may import whom
	@$(BIN)/lint-imports

workflows: python ## look for mistakes in the workflows
	@$(BIN)/actionlint -shellcheck= -pyflakes=

check: lint types contracts workflows ## lint, types, contracts and workflows

lock: python ## resolve the dependencies of pyproject.toml anew
	@$(LOCK) pyproject.toml -o requirements/runtime.lock
	@$(LOCK) pyproject.toml --group dev -o requirements/dev.lock
	@$(LOCK) pyproject.toml --group dev --group bench -c requirements/dev.lock -o requirements/bench.lock
	@echo hatchling | $(LOCK) -c requirements/dev.lock -o requirements/build.lock -

clean: ## delete what can be made again: .venv and caches
	rm -rf .venv .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
