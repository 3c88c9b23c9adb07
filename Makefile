# `make demo` and `make test` work in an empty clone with nothing but Python 3.11+ and make.

BROKER ?=
SUITES ?=
bin := .venv/bin
frame := pyproject.toml constraints.txt deploy/install.sh deploy/compile.py $(shell find bus -name "*.pyx")

.PHONY: help demo run test lint brokers bench soak clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/run.stamp ## play a purchase order's whole story (BROKER=amqp://… for RabbitMQ)
	@$(bin)/bus demo $(if $(BROKER),--broker '$(BROKER)')

run: .venv/run.stamp ## run the bus on routing.yaml (BROKER=amqp://… for RabbitMQ)
	@$(bin)/bus run $(if $(BROKER),--broker '$(BROKER)')

test: .venv/dev.stamp brokers lint ## lint, then every test, with real brokers and databases
	@echo "Testing; the core must be covered branch by branch."
	@$(bin)/pytest --quiet --numprocesses 2 --cov

lint: .venv/dev.stamp ## check style, types, the floors of the architecture, and routing.yaml
	@echo "Linting: ruff, mypy, import-linter, bus lint, bus test."
	@$(bin)/ruff check --quiet
	@$(bin)/mypy
	@$(bin)/lint-imports --no-logo
	@$(bin)/bus lint
	@$(bin)/bus test

brokers: ## install RabbitMQ, PostgreSQL, MariaDB where missing (SUITES='trixie forky': RabbitMQ 4 as well)
	@deploy/install-brokers.sh
	@$(if $(SUITES),deploy/brokers.sh $(SUITES))

bench: .venv/dev.stamp ## measure everything, beside the broker's shovel, Go and FastStream; writes bench.json
	@$(bin)/python -m tests.bench

soak: .venv/dev.stamp brokers ## hours of faults on RabbitMQ, installed and 4.3, one node and three (BUS_SOAK_EVENTS=20000: short)
	@$(if $(BUS_TEST_BROKERS),,deploy/brokers.sh forky)
	@BUS_TEST_BROKERS=$${BUS_TEST_BROKERS:-installed,4.3} $(bin)/pytest -m soak --numprocesses 0 --timeout 0

clean: ## remove .venv, what was compiled, and every cache
	@rm -rf .venv .cache .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@find bus -name '*.so' -delete

.venv/run.stamp: $(frame)
	@deploy/install.sh

.venv/dev.stamp: $(frame)
	@deploy/install.sh dev
	@touch .venv/run.stamp
