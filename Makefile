# Assay. `make up` is the only set-up; `make help` lists the rest.
# Every target works on the Assay that ASSAY_ENV_FILE describes (default: .env), so that a
# second one, with a project name and a port of its own, can live on the same machine:
#   ASSAY_ENV_FILE=.env.second make up

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export ASSAY_ENV_FILE ?= .env

PY := .venv/bin/python
VENV_STAMP := .venv/.complete
SCRIPTS = $(shell find deploy -name '*.sh') .ci/run

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  \033[1m%-13s\033[0m %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

up: ## set up what is missing, build, start, wait until healthy; prints the URL
	@deploy/up.sh

share: ## let others reach it: all addresses, with TLS (NAME=assay.example.org, how they know this machine)
	@deploy/share.sh $(NAME)

user: ## a login for somebody: NAME=anna ROLE=viewer (or admin); prints its password once
	@deploy/logins.sh add "$(NAME)" "$(ROLE)"

user-password: ## a new password for NAME=anna
	@deploy/logins.sh password "$(NAME)"

user-remove: ## NAME=anna can no longer log in
	@deploy/logins.sh remove "$(NAME)"

users: ## list the logins and their roles
	@deploy/logins.sh list

down: ## stop the stack; data, runs and landing zone stay
	@deploy/down.sh

logs: ## follow the services' logs (SERVICE=daemon for one of them)
	@deploy/compose.sh logs --follow --tail 100 $(SERVICE)

dev: venv ## the embedded edition: same assets, no containers, code reloads from the UI
	@$(PY) deploy/embedded.py

load: ## put a file into the landing zone: FILE=calls.vcf.gz, or FILE=day.csv SOURCE=till
	@deploy/landing.sh load "$(FILE)" "$(SOURCE)"

test: venv ## all tests; those that drive containers run where an engine answers
	@$(PY) -m pytest

test-unit: venv ## the tests that need no Docker engine
	@$(PY) -m pytest -m "not stack"

test-faults: venv ## kill alerter, daemon and code server twenty times each: no alert may be lost
	@ASSAY_FAULT_ROUNDS=20 $(PY) -m pytest tests/control_plane/test_alert_faults.py tests/control_plane/test_tick_faults.py

check: venv ## lint, format, types, rules between rooms, shell syntax
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@for script in $(SCRIPTS); do if [ -e "$$script" ]; then bash -n "$$script"; fi; done

redeploy: ## build and validate user_code, migrate, replace user_code alone
	@deploy/redeploy.sh

reset: ## delete this Assay's containers, volumes and images (asks first; YES=1 doesn't)
	@deploy/reset.sh "$(YES)"

base-images: ## build the Python, PostgreSQL and Caddy base images from Debian packages (needs root)
	@deploy/base_images/build.sh fresh

venv: $(VENV_STAMP) ## .venv with the tests' packages and the `assay` command

$(VENV_STAMP): requirements/dev.txt pyproject.toml
	@deploy/venv.sh

bench: venv ## measure runs against Dagster's example configuration and against the floor
	@$(PY) -m benchmarks

lock: ## resolve requirements/*.in into the hash-locked requirements/*.txt
	@deploy/locks.sh

rotate: ## a new password: SECRET=dagster, viewer, migrator, user_code, alerter, analyst or all
	@deploy/secrets.sh rotate "$(SECRET)"

secret: ## take a secret from standard input: SECRET=alert_urls, or SECRET=analyst
	@deploy/secrets.sh set "$(SECRET)"

analyst-password: ## show the password of the role that reads the warehouse
	@deploy/secrets.sh show analyst

alerts: ## list the alerts that are not closed
	@deploy/alerts.sh list

alert-ack: ## somebody looks after an alert: KEY=run.failed:finance_daily:2026-01-31
	@deploy/alerts.sh ack "$(KEY)"

status: ## one screen: services, queue, last failures, stale assets, open alerts, disk, what to do
	@deploy/status.sh

alert-test: ## send a test alert through every configured channel
	@deploy/alerts.sh test

janitor-plan: ## what the janitor would remove: containers, temporary files, old runs and ticks, images
	@deploy/janitor_plan.sh

quarantine: ## count the records in quarantine by source, day and reason
	@deploy/quarantine.sh

replay: ## have a source's days read again, after a fix of its contract: SOURCE=till DAY=2026-01-31
	@deploy/compose.sh exec -T user_code python -m user_code.finance.replay "$(SOURCE)" $(DAY)

forget: ## remove a call set for good, from landing zone to warehouse (withdrawn consent): CALL_SET=cohort
	@deploy/forget.sh "$(CALL_SET)"

.PHONY: help up down logs dev load test test-unit test-faults check redeploy reset base-images venv bench lock alerts alert-ack status alert-test janitor-plan quarantine replay forget share user user-password user-remove users rotate secret analyst-password
