# Needs python3, make and git. Everything else is installed into .venv/ and .tools/.

PYTHON ?= python3
BIN := .venv/bin
ENGINE ?= docker
VERSION = $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)
# Two test files at a time, because most tests wait. One at a time: PYTEST_FLAGS=-n0. A crash of Python
# ends the run: xdist would start the same test again.
SIDE_BY_SIDE := --numprocesses=2 --dist=loadfile --no-loadscope-reorder --max-worker-restart=0
ABOUT_PROCESSES := tests/sources/owners tests/sources/netns tests/daemon/test_signals.py tests/daemon/test_daemon.py \
	tests/real_kernel/test_pool_owners.py
IN_A_CONTAINER := unshare --pid --fork --mount-proc --kill-child
COUNTING := src/tcp_pressure_exporter/sources/counting
BPF := src/tcp_pressure_exporter/sources/bpf
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run help demo test test-as-init test-ship test-windows test-kernels lint format dashboards bpf hostile fuzz churn soak shedding bounds audit bench forecast manifests dist image tools lock clean

run: .venv/run  ## start the exporter on http://localhost:10190; FLAGS=--help
	@exec $(BIN)/tcp-pressure-exporter $(FLAGS)

help:
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / { printf "%-13s%s\n", $$1, $$2 }' Makefile

demo: .venv/run  ## watch four troubles from the first socket to the alert: 11 minutes
	@.ci/tools demo
	@$(BIN)/python -m deploy.demo

test: tools .venv/compiled .tools/grafana/installed  ## lint, then every test on the real kernel; as root
	$(MAKE) lint
	$(BIN)/pytest $(SIDE_BY_SIDE) $(PYTEST_FLAGS)

test-as-init: tools .venv/compiled  ## tests about processes, as process 1 and as its child; as root
	$(IN_A_CONTAINER) $(BIN)/pytest $(ABOUT_PROCESSES)
	$(IN_A_CONTAINER) sh -c '$(BIN)/pytest $(ABOUT_PROCESSES); exit $$?'

test-ship: tools .venv/compiled .venv/ship  ## what ships, for real: image, unit, manifests, packages; as root
	@.ci/ship-tools
	$(BIN)/pytest $(PYTEST_FLAGS) tests_ship

test-windows: tools .venv/compiled  ## the exporter on Windows' Python, under wine; as root
	@.ci/windows
	$(BIN)/pytest $(PYTEST_FLAGS) tests/windows/smoke.py

test-kernels: tools .venv/compiled  ## the kernels that people run, emulated: 20 minutes; as root
	@.ci/kernels
	$(BIN)/python -m tests.kernels $(KERNEL_FLAGS)

lint: .venv/dev  ## style, format, strict types, YAML, prose, workflows
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/proselint check --config .proselintrc.json $$(git ls-files '*.md')
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*_*.yml
	$(BIN)/zizmor --quiet --offline --no-progress --persona=pedantic .github

format: .venv/dev  ## format the code, fix what can be fixed automatically
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

dashboards: .venv/dev  ## write grafana/dashboards; documents at DOCS_URL=https://...
	$(BIN)/python -m grafana.source

bpf: tools
	.ci/bpf

hostile: tools .venv/compiled  ## attack the real exporter, print what each attack cost
	$(BIN)/pytest tests/hostile

fuzz: tools .venv/compiled  ## fuzz each parser, the compiled one for FUZZ_SECONDS (300)
	tests/fuzz/run $(or $(FUZZ_SECONDS),300)
	$(BIN)/pytest --hypothesis-profile=long $$(grep -rl 'from hypothesis import given' tests)

churn: tools .venv/compiled  ## compare the daemon with the kernel for CHURN_SECONDS (600); as root
	$(BIN)/python -m tests.reliability.churn $(or $(CHURN_SECONDS),600)

soak: tools .venv/compiled  ## run the daemon under attack for SOAK_SECONDS (3600); as root
	$(BIN)/python -m tests.reliability.$(or $(SOAK),soak) $(or $(SOAK_SECONDS),3600)

shedding: tools .venv/compiled  ## a million sockets, 100,000 pools, an interval of 1 s; as root
	$(BIN)/python -m tests.reliability.shedding

bounds: tools .venv/compiled  ## the memory that crowds of sockets cost; as root; SCENES=
	$(BIN)/python -m tests.reliability.bounds $(SCENES)

audit: .venv/dev  ## look the pinned dependencies up among the known vulnerabilities
	$(BIN)/python -m deploy.dependency_audit

bench: tools .venv/compiled  ## measure against the kernel's own dump and the peers
	$(BIN)/python -m benchmarks $(BENCH_FLAGS)

forecast: tools .venv/compiled  ## drive real pools to exhaustion and judge the forecast
	$(BIN)/python -m benchmarks.forecast $(FORECAST_FLAGS)

manifests: .venv/dev  ## generate what rules, flags, manifests give; DOCS_URL=https://...
	$(BIN)/python -m deploy.kubernetes.prometheus_rule
	$(BIN)/python -m deploy.shell
	$(BIN)/python -m deploy.helm

dist: .venv/ship  ## the wheel, .deb and .rpm, with bill of materials and checksums
	rm -rf dist
	.ci/dist
	.ci/packages
	.ci/musl-wheel
	$(BIN)/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible \
		--output-file dist/tcp-pressure-exporter.cdx.json
	cd dist && sha256sum * >SHA256SUMS

image:  ## the container image; ENGINE=podman where there is no Docker
	$(ENGINE) build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) \
		--tag tcp-pressure-exporter:$(VERSION) $(IMAGE_FLAGS) .

tools:
	@.ci/tools

lock: .venv/ship  ## pin what pyproject.toml asks for; LOCK_FLAGS=--upgrade: the newest
	.ci/lock $(LOCK_FLAGS)

clean:  ## remove everything that was installed or built
	rm -rf .venv .tools build dist src/*.egg-info $(COUNTING)/*.so $(BPF)/*.so

.venv/bin/pip:
	@echo "making the Python environment in .venv (once)"
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/python-venv
	$(PYTHON) -m venv .venv

.venv/run: .venv/bin/pip pyproject.toml constraints.txt
	@echo "installing the exporter and its libraries"
	@$(INSTALL) --editable .
	@touch $@

.venv/compiled: .venv/dev $(wildcard $(COUNTING)/*.[ch] $(COUNTING)/*/*.[ch] $(BPF)/*.[ch] $(BPF)/programs/*.skeleton.h)
	@echo "building what is compiled"
	@rm -rf build $(COUNTING)/*.so $(BPF)/*.so
	@$(INSTALL) --no-deps --editable .
	@$(BIN)/python -c 'import tcp_pressure_exporter.sources.counting._tally, tcp_pressure_exporter.sources.bpf._bpf'
	@touch $@

.tools/grafana/installed: tests/grafana/types/package-lock.json .venv/dev
	@echo "installing Grafana's types"
	@mkdir -p $(@D)
	@cp tests/grafana/types/package.json tests/grafana/types/package-lock.json tests/grafana/types/.npmrc $(@D)
	@$(BIN)/npm ci --silent --prefix $(@D)
	@touch $@

.venv/dev: .venv/run
	@echo "installing the tools for tests and lint"
	@$(INSTALL) --editable '.[dev]'
	@touch $@

.venv/ship: .venv/dev
	@echo "installing the tools to build and check what ships"
	@$(INSTALL) --editable '.[dev,ship]'
	@touch $@
