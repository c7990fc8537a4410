# What people do with this project. `make` alone lists it.
# Nothing needs to be installed but Python 3.11 or later with venv, and make; for `make lint`, Node.js
# 18 or later with npm, too.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
LIVE ?= anna.live
STANDIN_PORT ?= 9000
N ?= 3
CLUSTER ?= .cluster
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo run run-cluster standin test bench soak fuzz lint lint-javascript requirements messages contract screenshots

help:
	@echo "make demo          see it with an invented LIVE: accounts, a token, and a command to try"
	@echo "make run           serve on $(HOST):$(PORT) (HOST=0.0.0.0 for phones on your network;"
	@echo "                   STANDIN=1: the stand-in plays TikTok, with LIVE=name being live)"
	@echo "make run-cluster   the same by N=$(N) processes behind nginx, with PostgreSQL and Redis"
	@echo "make standin       play TikTok alone, on STANDIN_PORT=$(STANDIN_PORT), with LIVE=name being live"
	@echo "make test          run the tests"
	@echo "make bench         measure the speed, beside its references (ARGS='--quick fanout')"
	@echo "make soak          30 minutes of load with faults: is every phone told the truth? (ARGS='--minutes 3')"
	@echo "make fuzz          a million spoilt inputs for whatever reads them (ARGS='decoder --inputs 1000')"
	@echo "make lint          ruff and mypy, and for JavaScript tsc and ESLint (needs Node.js and npm)"
	@echo "make contract      write docs/asyncapi.yaml and docs/schemas/, which the code defines"
	@echo "make screenshots   take the README's pictures, in Chromium, against the stand-in"
	@echo "make requirements  compile the pinned requirements from pyproject.toml"
	@echo "make messages      collect and compile the translations (needs gettext)"

SERVE = $(BIN)/python -m relay_project.serve --host $(HOST) --port $(PORT)
# What people have called, without HOST and PORT.
AGAIN = $(strip make $@ $(foreach name,STANDIN STANDIN_PORT LIVE,\
	$(if $(filter command,$(origin $(name))),$(name)=$($(name)))))
# It is what pages and the terminal tell people to start the server with.
run demo: export RELAY_START_COMMAND = $(AGAIN)
# With STANDIN=1, the stand-in starts the server, and ends with it.
WITH_STANDIN = $(if $(filter-out 0 no off,$(STANDIN)),$(BIN)/python -m standin --port $(STANDIN_PORT) --live $(LIVE) --)

run: $(VENV)/run.stamp
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py ensure_admin --address http://$(HOST):$(PORT)
	@$(BIN)/python -m relay_project.addresses $(HOST) $(PORT)
	@$(if $(WITH_STANDIN),,echo "No LIVE at hand? To see all of it without TikTok: make demo")
	@exec $(WITH_STANDIN) $(SERVE)

# All of it is in the folder DEMO. Settings for a real server stay out: its database, Redis and saved
# streams are not the demo's, and the demo is not behind its proxy. Where it is open to the network,
# browsers may come by any name, unless ALLOWED_HOSTS is given: there is nothing to protect.
DEMO ?= .demo
DEMO_LIVE := demo.live
demo: export DATABASE_URL = sqlite:///$(abspath $(DEMO))/db.sqlite3
demo: export RELAY_TEST_ENDPOINT = always
demo: export ALLOWED_HOSTS := $(or $(ALLOWED_HOSTS),$(if $(filter-out 127.0.0.1 localhost ::1,$(HOST)),*))
demo: export REDIS_URL =
demo: export RELAY_STATE_FILE =
demo: export HTTPS_ONLY =
demo: $(VENV)/run.stamp
	@mkdir -p $(DEMO) && chmod 700 $(DEMO)
	@$(BIN)/python manage.py migrate --verbosity 0 --skip-checks
	@$(BIN)/python manage.py ensure_demo --address http://$(HOST):$(PORT) --folder $(DEMO) \
		--tiktok-username $(DEMO_LIVE) --python $(BIN)/python
	@ALLOWED_HOSTS='*' $(BIN)/python -m relay_project.addresses $(HOST) $(PORT)
	@exec $(BIN)/python -m standin --port 0 --live $(DEMO_LIVE) -- $(SERVE)

# PostgreSQL and Redis are those of DATABASE_URL and REDIS_URL, or private ones in the folder CLUSTER.
run-cluster: $(VENV)/run.stamp
	@exec $(BIN)/python -m tools.cluster --processes $(N) --host $(HOST) --port $(PORT) --folder $(CLUSTER)

standin: $(VENV)/run.stamp
	@exec $(BIN)/python -m standin --port $(STANDIN_PORT) --live $(LIVE)

# What npm installs: AsyncAPI's parser, which one test of the contract runs; tiktok-live-connector, whose
# events live/tikfinity is compared with; and what checks JavaScript. Where Node or npm is missing, the
# tests that need them are skipped, but fail in CI.
NPM := $(shell command -v npm)
PARSER := tools/asyncapi/node_modules/.package-lock.json
CONNECTOR := tools/tiktok_connector/node_modules/.package-lock.json
CHECKERS := tools/javascript/node_modules/.package-lock.json

# xdist would begin with the files of most tests, and end with few that take minutes. tests/conftest.py
# puts the longest first, and of the rest, tests/end_to_end comes nearly first in the order of names.
test: $(VENV)/dev.stamp $(if $(NPM),$(PARSER) $(CONNECTOR))
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: $(VENV)/dev.stamp
	$(BIN)/python -m bench $(ARGS)

soak: $(VENV)/dev.stamp
	$(BIN)/python -m soak $(ARGS)

fuzz: $(VENV)/dev.stamp
	$(BIN)/python -m fuzz $(ARGS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	@test -n "$(NPM)" || { echo "make lint: JavaScript is not checked: install Node.js 18 or later, and npm" >&2; exit 1; }
	@$(MAKE) --no-print-directory lint-javascript

lint-javascript: $(CHECKERS)
	tools/javascript/node_modules/.bin/tsc --project tools/javascript/tsconfig.json
	tools/javascript/node_modules/.bin/tsc --project tools/javascript/tsconfig.tests.json
	tools/javascript/node_modules/.bin/eslint --config tools/javascript/eslint.config.js .

contract: $(VENV)/dev.stamp
	$(BIN)/python manage.py export_contract $(ARGS)

screenshots: $(VENV)/dev.stamp
	$(BIN)/python -m tools.screenshots

requirements:
	uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --quiet --output-file requirements.txt
	uv pip compile pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 --quiet --output-file requirements-dev.txt

MESSAGES := --locale ru --no-obsolete --no-location --no-wrap --ignore .venv --ignore node_modules

messages: $(VENV)/dev.stamp
	$(BIN)/python manage.py makemessages $(MESSAGES) --ignore tests --ignore bench --ignore soak --ignore fuzz --ignore tools
	$(BIN)/python manage.py makemessages $(MESSAGES) --domain djangojs --ignore tests --ignore vendor --ignore relay-client.js
	$(BIN)/python manage.py compilemessages --locale ru --ignore .venv

$(VENV)/run.stamp: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

tools/%/node_modules/.package-lock.json: tools/%/package-lock.json
	npm ci --prefix tools/$* --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@
