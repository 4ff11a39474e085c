# One command each. Needs Python 3.11 or newer and make; `make package` and `make deploy` of a stage in AWS also need the Python
# that the stage names (.chalice/config.json). Everything else is installed into .venv, contracts/ and .local/.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON := .venv/bin/python
READY := .venv/.ready
REQUIREMENTS := requirements.txt requirements-dev.txt stack/constraints.txt

# Variables reach a command by its environment: others cannot read it, as they can a command line, and any character is allowed.
export RPC_URL RPC_URLS FUNDER_KEY FUNDER_KEY_FILE FUND_AMOUNT AWS_PORT RPC_PORT STACK_DIR TOKEN_FACTORY WALLET_FACTORY
export STAGE YES PARAMETERS ADOPT TABLES ROLE OWNER APP DESCRIPTION KEY ACCOUNT REASON ADMIN COMMUNITY_ADMIN SUB DAYS FINISH
export RUN JOB AT REPLACE MINUTES
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# Everybody on the machine can read make's own command line, and it stays in the shell's history.
ifeq ($(origin FUNDER_KEY),command line)
$(error Do not write FUNDER_KEY on the command line: others on this machine can read it there. Put the key into a file that only \
you can read, and give FUNDER_KEY_FILE=<path>; or export FUNDER_KEY in the environment)
endif

OPERATOR := factories deploy destroy account accounts pause unpause token rotate-jwt chain open-jobs errors redrive tail \
  halt resume restore restore-check

.PHONY: help run up down package $(OPERATOR) check unit test lint audit faults bench

help:
	@echo 'make run                       run the local stack with a first job, until Ctrl-C'
	@echo 'make up                        start it in the background; .local/stack.env has its addresses and tokens'
	@echo '                               RPC_URL=… FUNDER_KEY_FILE=…  use a node that already runs, instead of anvil'
	@echo '                               STACK_DIR=…  a second stack, with its stack.env, in that directory'
	@echo 'make down                      end the stack that make up started'
	@echo 'make package [STAGE=…]         make template and zip of a stage (local, spark, fuse) in .local/package'
	@echo 'make check                     lint, and the unit tests that are not slow: run it while you work'
	@echo 'make unit                      all unit tests'
	@echo 'make test                      check everything that is checked before a release'
	@echo 'make lint                      check style, types and unsafe code'
	@echo 'make audit                     list known vulnerabilities of the installed packages; asks PyPI'
	@echo 'make faults                    show what happens when parts of the service fail (SEED=… repeats a run)'
	@echo 'make bench                     measure costs and speed of jobs, and write bench.json'
	@echo
	@echo 'For a deployed stage (STAGE=spark or fuse; STAGE=local is the stack on this machine):'
	@echo 'make factories STAGE=…         deploy the contracts that make tokens and wallets, once a network'
	@echo '                               RPC_URL=… FUNDER_KEY_FILE=…  the node, and the key that pays for gas'
	@echo 'make deploy STAGE=…            show what changes, ask, deploy (RPC_URLS=… TOKEN_FACTORY=… WALLET_FACTORY=…; YES=1)'
	@echo '                               PARAMETERS="Name=Value …"  any parameters of the template'
	@echo '                               ADOPT="JobsTable=… …"  use tables that an earlier stack has left'
	@echo 'make destroy STAGE=…           delete the stack and keep its tables (TABLES=delete deletes them too)'
	@echo 'make accounts STAGE=…          list the signing accounts: balance, nonce, paused'
	@echo 'make account STAGE=… ROLE=…    make a signing account with a key in KMS (OWNER=… APP=… DESCRIPTION=… KEY=secret)'
	@echo 'make pause ACCOUNT=… STAGE=…   sign nothing more with an account (REASON=…)'
	@echo 'make unpause ACCOUNT=… STAGE=… let a paused account sign again'
	@echo 'make token ACCOUNT=… STAGE=…   print a JWT for an issuer (ADMIN=1 COMMUNITY_ADMIN=1 SUB=… ROLE=… APP=… DAYS=…)'
	@echo 'make rotate-jwt STAGE=…        let a new key sign JWTs; FINISH=1 ends the earlier key'
	@echo 'make chain STAGE=…             show for each node whether it answers, and how old its newest block is'
	@echo 'make open-jobs STAGE=…         list the open jobs, oldest first, and what they wait for (ACCOUNT=…)'
	@echo 'make errors STAGE=…            list the errors logged in the last 15 minutes (MINUTES=…)'
	@echo 'make tail JOB=… STAGE=…        follow one job, by its id or its correlationId, until it is final'
	@echo 'make redrive STAGE=…           show the dead letters; RUN=1 sends them back'
	@echo 'make halt STAGE=…              stop the stage: nothing is accepted or signed (YES=1)'
	@echo 'make resume STAGE=…            start a halted stage again'
	@echo 'make restore AT=… STAGE=…      compare the tables with an earlier moment; RUN=1 puts back rows that are gone'
	@echo 'make restore-check STAGE=…     compare restored jobs with the chain; RUN=1 repairs them'
	@echo
	@echo 'All options of a command, with units: .venv/bin/python -m stack COMMAND --help'

run: $(READY)
	@$(PYTHON) -m stack run

up: $(READY)
	@$(PYTHON) -m stack up

down: $(READY)
	@$(PYTHON) -m stack down

package: $(READY)
	@STAGE=$${STAGE:-local} $(PYTHON) -m stack package

$(OPERATOR): $(READY)
	@$(if $(STAGE),,$(error Say which stage: make $@ STAGE=spark))$(PYTHON) -m stack $@

lint: $(READY)
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/bandit --quiet --configfile pyproject.toml --recursive app.py chalicelib stack

audit: $(READY)
	@$(PYTHON) -m stack.build.audit

unit: $(READY)
	@$(PYTHON) -m pytest -n 2 --dist loadfile tests/unit

check: lint
	@$(PYTHON) -m pytest -n 2 --dist loadfile -m "not slow" tests/unit

# Two processes, a file of tests in one of them. The long files come first, so that both end at about the same time.
test: lint
	@$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
	  tests/stack tests/faults tests/deploy tests/contracts tests/store tests/unit

faults: $(READY)
	@$(PYTHON) -m tests.faults $(if $(SEED),--seed $(SEED))

bench: $(READY)
	@$(PYTHON) -m tests.bench

# Any other target.
.DEFAULT:
	@echo "There is no 'make $@'; 'make help' lists what there is." >&2; exit 2

# Install again when a requirement changed. Start afresh when the Python of .venv is gone, or .venv is not complete.
$(READY): $(REQUIREMENTS)
	@set -e; \
	if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  found=; \
	  for name in python3 python3.13 python3.12 python3.11 python; do \
	    if command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 16))' 2>/dev/null; \
	      then found=$$name; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then echo 'This needs Python 3.11 or newer, as python3, python3.11, python3.12 or python3.13.' >&2; exit 1; fi; \
	  echo "Making .venv with $$($$found --version)"; \
	  rm -rf .venv; \
	  $$found -m venv .venv || { rm -rf .venv; echo 'Python could not make a virtual environment; its venv module is missing (python3-venv).' >&2; exit 1; }; \
	fi; \
	echo 'Installing what requirements-dev.txt names (about a minute)'; \
	$(PYTHON) -m pip install --quiet -r requirements-dev.txt -c stack/constraints.txt || { echo 'pip could not install the requirements; its message is above.' >&2; exit 1; }; \
	touch $(READY)
