# make train · make test · make lint: each sets up .venv when it is missing.
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
CONFIG ?= configs/default.yaml
RUN ?= runs/default
BENCH ?= cluener
LS_VENV ?= .venv-label-studio
LS_DATA ?= .label-studio
LS_PORT ?= 8080

# seqeval comes as source: the pip of Debian 12 would build it the old way, which newer setuptools_scm breaks.
export PIP_USE_PEP517 := 1

.DEFAULT_GOAL := help
.PHONY: help setup train resume test lint report example crossval bench-public bench-predict gold agreement label-studio label-studio-env encoder-random pretrain lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.ready ## the virtual environment, from requirements.lock

$(VENV)/.ready: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, found " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	touch $@

train: setup ## train the default model, score it, write its report
	$(PY) -m training.train --config $(CONFIG)

resume: setup ## go on with a training that was killed
	$(PY) -m training.train --config $(CONFIG) --resume

test: setup ## all tests
	$(PY) -m pytest

lint: setup ## ruff and mypy
	$(PY) -m ruff check .
	$(PY) -m mypy

report: setup ## score RUN on the seed articles and write reports/seeds
	$(PY) -m eval.evaluate --model $(RUN) --data data/gold/seeds.jsonl --report reports/seeds

example: setup ## the example report and its screenshot, in reports/example
	$(PY) -m eval.evaluate --model $(RUN) --data data/gold/seeds.jsonl --report reports/example
	$(PY) -m eval.screenshot reports/example/index.html --output reports/example/screenshot.png

crossval: setup ## leave one seed article out, five times
	$(PY) -m eval.crossval --config $(CONFIG)

bench-public: setup ## random and pre-trained encoder on a public set: DATA=folder [BENCH=resume] [ENCODERS=...] [SEEDS=...]
	$(if $(DATA),,$(error DATA is missing: make bench-public DATA=folder-of-the-set BENCH=cluener))
	$(PY) -m training.bench --config configs/bench/$(BENCH).yaml --data $(DATA) $(if $(ENCODERS),--encoders $(ENCODERS)) $(if $(SEEDS),--seeds $(SEEDS))

gold: setup ## compile the annotation notation of the seeds to JSONL, and check it
	$(PY) -m data.gold_compile data/gold/seeds.txt data/gold/seeds.jsonl
	$(PY) -m data.gold_compile data/gold/passes/a.txt data/gold/passes/a.jsonl
	$(PY) -m data.gold_compile data/gold/passes/b.txt data/gold/passes/b.jsonl
	$(PY) -m data.validate data/gold/seeds.jsonl --schema configs/schema/parties.yaml

agreement: setup ## agreement between the two annotation passes
	$(PY) -m data.agreement data/gold/passes/a.jsonl data/gold/passes/b.jsonl

label-studio-env: $(LS_VENV)/.ready ## the annotation server's environment, from requirements-label-studio.lock

$(LS_VENV)/.ready: requirements-label-studio.lock
	$(PYTHON) -m venv $(LS_VENV)
	$(LS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-label-studio.lock
	touch $@

label-studio: label-studio-env ## the annotation server on 127.0.0.1: [LS_PORT=8080] [LS_DATA=folder of its SQLite file]
	LS_VENV=$(LS_VENV) LS_DATA=$(LS_DATA) LS_PORT=$(LS_PORT) data/label_studio/start_server

bench-predict: setup ## speed of inference against the stock pipeline, its means, and the curve: [RUN=runs/default] [ARTICLES=2000]
	$(PY) -m models.bench_predict --model $(RUN) $(wildcard runs/student) --articles $(or $(ARTICLES),2000) --report reports/predict

encoder-random: setup ## the embedded encoder with seeded random weights, in runs/encoder-random
	$(PY) -m models.embedded

pretrain: setup ## pre-train the embedded encoder: TEXT=folder of UTF-8 text [HOURS=1]
	$(if $(TEXT),,$(error TEXT is missing: make pretrain TEXT=folder-of-text HOURS=1))
	$(PY) -m training.pretrain --config configs/pretrain.yaml --text $(TEXT) --max-hours $(or $(HOURS),1)

lock: ## pin what pyproject.toml asks for anew
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet torch==2.13.0
	.venv-lock/bin/python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; print("\n".join(p["dependencies"] + p["optional-dependencies"]["dev"]))' > .venv-lock/asked.txt
	.venv-lock/bin/pip install --quiet -r .venv-lock/asked.txt
	(echo "# Every package of the environment, pinned. Made by: make lock"; .venv-lock/bin/pip freeze | sed 's/+cpu//') > requirements.lock
	rm -rf .venv-lock

clean: ## remove the environment, runs and reports
	rm -rf $(VENV) runs reports/[!e]*
