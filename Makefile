# One command each. Needs Python 3.11 or newer and make; `make package` and `make deploy` of a stage in AWS also need the Python
# that the stage names (.chalice/config.json). Everything else is installed into .venv, contracts/ and .local/.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON := .venv/bin/python
READY := .venv/.ready
REQUIREMENTS := requirements.txt requirements-dev.txt stack/constraints.txt

# By the environment, never on a command line that others can see, and whatever characters are in it.
export RPC_URL RPC_URLS FUNDER_KEY FUNDER_KEY_FILE FUND_AMOUNT AWS_PORT RPC_PORT STACK_DIR TOKEN_FACTORY WALLET_FACTORY
export STAGE YES PARAMETERS ADOPT TABLES ROLE OWNER APP DESCRIPTION KEY ACCOUNT REASON ADMIN COMMUNITY_ADMIN SUB DAYS FINISH
export RUN JOB AT REPLACE MINUTES
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# make's own command line is visible to everybody on the machine, and stays in the shell's history.
ifeq ($(origin FUNDER_KEY),command line)
$(error Do not write FUNDER_KEY on the command line: others on this machine can read it there. Put the key into a file that only \
you can read, and give FUNDER_KEY_FILE=<path>; or export FUNDER_KEY in the environment)
endif

OPERATOR := factories deploy destroy account accounts pause unpause token rotate-jwt chain open-jobs errors redrive tail \
  halt resume restore restore-check

.PHONY: help run up down package $(OPERATOR) test lint audit faults bench

help:
	@echo 'make run                       the whole stack on this machine with a first job, until Ctrl-C'
	@echo 'make up                        the same in the background; .local/stack.env says where'
	@echo '                               RPC_URL=… FUNDER_KEY_FILE=…  on a node that already runs, instead of anvil'
	@echo '                               STACK_DIR=…  a second one; its stack.env is in there'
	@echo 'make down                      end it'
	@echo 'make package [STAGE=…]         template and zip of a stage (local, spark, fuse) in .local/package'
	@echo 'make test                      everything that is checked before a release'
	@echo 'make lint                      style, types and what is unsafe'
	@echo 'make audit                     known vulnerabilities of what is installed and packed; asks PyPI'
	@echo 'make faults                    what it does when its parts fail'
	@echo 'make bench                     what a job costs and how fast it goes; writes bench.json'
	@echo
	@echo 'Of a deployed stage (STAGE=spark, fuse; local is the stack of this machine):'
	@echo 'make factories STAGE=…         the contracts that make tokens and wallets, once a network (RPC_URL=… FUNDER_KEY_FILE=…)'
	@echo 'make deploy STAGE=…            show what changes, ask, deploy (RPC_URLS=… TOKEN_FACTORY=… WALLET_FACTORY=…; YES=1)'
	@echo '                               PARAMETERS="Name=Value …"  any parameter of the template'
	@echo '                               ADOPT="JobsTable=… …"  on the tables that a stack before it has left'
	@echo 'make destroy STAGE=…           delete the stack, keep its tables (TABLES=delete: those, too)'
	@echo 'make accounts STAGE=…          the signing accounts: balance, nonce, paused'
	@echo 'make account STAGE=… ROLE=…    a new one, with a key in KMS (OWNER=… APP=… DESCRIPTION=… KEY=secret)'
	@echo 'make pause ACCOUNT=… STAGE=…   sign nothing more with it (REASON=…); make unpause lets it go on'
	@echo 'make token ACCOUNT=… STAGE=…   a token for its issuer (ADMIN=1 COMMUNITY_ADMIN=1 SUB=… ROLE=… APP=… DAYS=…)'
	@echo 'make rotate-jwt STAGE=…        a new key signs tokens; FINISH=1 ends the old one'
	@echo 'make chain STAGE=…             each node: whether it answers, and how old its newest block is'
	@echo 'make open-jobs STAGE=…         what is open, oldest first, and what it waits for (ACCOUNT=…)'
	@echo 'make errors STAGE=…            what was logged as an error in the last quarter of an hour (MINUTES=…)'
	@echo 'make tail JOB=… STAGE=…        follow one job, by its id or its correlationId, until it is final'
	@echo 'make redrive STAGE=…           the dead letters; RUN=1 sends them back'
	@echo 'make halt STAGE=…              nothing is accepted or signed any more; make resume ends that'
	@echo 'make restore AT=… STAGE=…      the tables as of then, against those of today; RUN=1 puts back what is gone'
	@echo 'make restore-check STAGE=…     restored jobs against the chain; RUN=1 mends them'

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

# Two processes, a file of tests in one of them. The long files come first, so that both end at about the same time.
test: lint
	@$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
	  tests/stack tests/faults tests/deploy tests/contracts tests/store tests/unit

faults: $(READY)
	@$(PYTHON) -m tests.faults $(if $(SEED),--seed $(SEED))

bench: $(READY)
	@$(PYTHON) -m tests.bench

# Any other word.
.DEFAULT:
	@echo "There is no 'make $@'; 'make help' lists what there is." >&2; exit 2

# Made again when a requirement changed; a Python that has gone, or a half-made environment, starts afresh.
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
