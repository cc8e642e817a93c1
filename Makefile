# Thin fronts; each prints what it runs. CMakePresets.json holds the builds, tools/ the scripts.
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)
PRESET ?= release
SECONDS_EACH ?= 60
BUILD = $(if $(filter release,$(PRESET)),build,build-$(PRESET))

.PHONY: help setup setup-test build demo test test-unit test-engines fuzz dist test-dist bench format format-check lint clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

setup:
	tools/setup.sh build

setup-test:
	tools/setup.sh build test

build: setup ## build/tarn (PRESET=release, dev, asan, tsan, fuzz)
	cmake --preset $(PRESET) -DBUILD_TESTING=OFF
	cmake --build $(BUILD) -j $(JOBS)

demo: ## set up, build and show the whole round on a PostgreSQL started for it
	tools/setup.sh build demo
	cmake --preset release -DBUILD_TESTING=OFF
	cmake --build build -j $(JOBS) --target tarn
	tools/demo.sh

test: setup-test ## every C++ unit test, then tests/ with pytest
	tools/test.sh --preset $(PRESET) --jobs $(JOBS)

test-unit: setup-test ## the C++ unit tests alone, for sanitizers: make test-unit PRESET=asan
	tools/test.sh --preset $(PRESET) --jobs $(JOBS) --unit

test-engines: setup-test ## other engines read what Tarn wrote, and write what it reads
	tools/test.sh --preset $(PRESET) --jobs $(JOBS) --engines

fuzz: ## every decoder of foreign bytes under libFuzzer, 60 s each (SECONDS_EACH=60, TARGETS=all)
	tools/setup.sh build fuzz
	tools/fuzz.sh --seconds $(SECONDS_EACH) $(TARGETS)

dist: setup ## dist/tarn-<version>-linux-x86_64.tar.gz, which runs wherever it is unpacked
	cmake --preset release -DBUILD_TESTING=OFF
	cmake --build build -j $(JOBS) --target tarn
	rm -rf dist
	tools/dist.py

test-dist: setup-test dist ## unpack and run that tarball in a bare Debian 12 (needs root or sudo)
	tools/test.sh --dist

bench: setup-test ## bench/run
	cmake --preset release -DBUILD_TESTING=ON
	cmake --build build -j $(JOBS)
	bench/run

format: ## clang-format all C++ files in place
	tools/format.sh

format-check: ## fail if clang-format would change a file
	tools/format.sh --check

lint: ## layers, third-party walls, house style
	python3 tools/lint.py

clean: ## remove every build folder (the dependency cache stays)
	rm -rf build build-dev build-asan build-tsan build-fuzz dist
