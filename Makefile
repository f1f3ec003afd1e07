# sallyport: GNU make, non-recursive, out of tree. `make help` lists the targets.
#   BUILD=release|debug|asan|fuzz   CC=gcc|clang   V=1   PREFIX= DESTDIR=
#   FEATURES=all, or check alone: what a small gateway needs (no lab, no reflector, and none of the
#   libraries that only other features need)

VERSION := 0.1.0
BUILD   ?= release
FEATURES ?= all
B       ?= build/$(BUILD)$(if $(filter all,$(FEATURES)),,-$(FEATURES))
PREFIX  ?= /usr/local
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
Q       := $(if $(V),,@)

# Every Debian package sallyport is built and tested with, in one place; `make deps` installs them.
PACKAGES := gcc pkg-config libc6-dev libpcap-dev libc-ares-dev libnl-3-dev libnl-route-3-dev \
	libnl-genl-3-dev libnl-nf-3-dev libssl-dev libncurses-dev libcmocka-dev libuv1-dev \
	libjansson-dev libinih-dev nftables iproute2 iptables openssl python3-jsonschema

# Servers and tools that tests run against: downloaded and unpacked under build/peers, never
# installed (some would start at boot, one throws out the system's own time service).
PEERS := unbound dnsmasq-base chrony nginx libcoap3-bin coturn stun-client conntrack openssl

WARN := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wformat=2 -Wimplicit-fallthrough -Wundef -Wcast-qual \
	-Wwrite-strings -Wno-missing-field-initializers -Werror
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE
CFLAGS_release := -O2 -g $(HARDEN)
CFLAGS_debug   := -O0 -g
CFLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link
LDFLAGS_release := -pie -Wl,-z,relro,-z,now
LDFLAGS_asan    := -fsanitize=address,undefined
LDFLAGS_fuzz    := -fsanitize=address,undefined

LIBS := libcares libnl-3.0 libnl-route-3.0 libnl-genl-3.0 libuv jansson inih openssl
pkg   = $(shell pkg-config $(1) $(2) 2>/dev/null)
CFLAGS  ?=
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -DSP_VERSION='"$(VERSION)"' -DSP_PREFIX='"$(PREFIX)"' \
	-Iinclude -I. $(WARN) $(FEATURE_FLAGS) $(CFLAGS_$(BUILD)) $(call pkg,--cflags,$(LIBS)) $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(BUILD)) $(LDFLAGS)
LDLIBS = $(call pkg,--libs,$(LIBS)) -lm

SRCS := $(sort $(wildcard diag/*/*.c diag/lab/servers/*.c probes/*.c probes/core/*.c \
	probes/reflector/*.c rules/*.c ui/*.c ui/commands/*.c ui/report/*.c))
ifeq ($(FEATURES),check)
SRCS := $(filter-out diag/lab/% probes/reflector/% ui/commands/lab.c ui/commands/reflector.c,$(SRCS))
FEATURE_FLAGS := -DSP_WITHOUT_LAB
else ifneq ($(FEATURES),all)
$(error FEATURES is 'all' or 'check', not '$(FEATURES)')
endif
LIB_SRCS := $(filter-out ui/main.c,$(SRCS))
OBJS := $(SRCS:%.c=$(B)/%.o)
LIB  := $(B)/libsallyport.a
BIN  := $(B)/bin/sallyport

all: $(BIN) profiles

$(BIN): $(B)/ui/main.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(LIB_SRCS:%.c=$(B)/%.o)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The one file that knows the prefix is compiled again for another one.
$(B)/diag/run/profile_find.o: $(B)/prefix
$(B)/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' >$@
FORCE:

# The binary finds its data beside itself: bin/sallyport and share/sallyport, here as when installed.
PROFILES := $(wildcard diag/profiles/*.ini)
profiles: $(PROFILES:diag/profiles/%=$(B)/share/sallyport/profiles/%)
$(B)/share/sallyport/profiles/%.ini: diag/profiles/%.ini
	@mkdir -p $(@D)
	$(Q)cp $< $@

# Unit tests: one cmocka program per test_*.c; those in tests/virtual run on a fake network whose
# time is virtual, which takes the place of the loop, the sockets and the names.
UNIT_SRCS := $(sort $(wildcard tests/unit/test_*.c tests/virtual/test_*.c))
ifeq ($(FEATURES),check) # those that need the lab's servers
UNIT_SRCS := $(filter-out $(shell grep -lE 'sallyport/lab\.h|diag/lab/|far_side\.h|reflector/' $(UNIT_SRCS)),$(UNIT_SRCS))
endif
UNIT_BINS := $(UNIT_SRCS:%.c=$(B)/%)
$(B)/tests/unit/test_%: $(B)/tests/unit/test_%.o $(LIB)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka
$(B)/tests/virtual/test_%: $(B)/tests/virtual/test_%.o $(B)/tests/virtual/fake_net.o $(LIB)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

# Fuzz targets: libFuzzer with clang (make fuzz), or a plain main that replays the corpora.
FUZZ_SRCS   := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_REPLAY := $(FUZZ_SRCS:tests/fuzz/fuzz_%.c=$(B)/tests/fuzz/replay_%)
FUZZ_BINS   := $(FUZZ_SRCS:tests/fuzz/fuzz_%.c=$(B)/tests/fuzz/fuzz_%)
$(B)/tests/fuzz/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay_main.o $(LIB)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(LIB)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

# Programs of make bench.
BENCH_BINS := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,$(sort $(wildcard tests/bench/*.c)))
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(LIB)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)
bench-bins: $(BENCH_BINS)
$(B)/tests/flood/flood: $(B)/tests/flood/flood.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

build-tests: $(if $(wildcard ui/main.c),all) $(UNIT_BINS) $(FUZZ_REPLAY)
fuzz-bins: $(FUZZ_BINS)

unit: $(UNIT_BINS)
	$(Q)bash tests/run.sh $(UNIT_BINS)

# Every keep-alive prediction against 10,000 days of a played device and NAT: about half an hour.
keepalive: $(B)/tests/unit/test_keepalive_sim
	$(Q)KEEPALIVE_FULL=1 $<

# ---- what people type ---------------------------------------------------------------------------
help:
	@echo "make          build build/release/bin/sallyport      make install   DESTDIR= PREFIX=$(PREFIX)"
	@echo "make demo     install packages, build, show a run    make check     install, build, all tests"
	@echo "make lint     layers, sizes, banned calls, headers   make asan      all tests under sanitizers"
	@echo "make bench    figures for docs/PERFORMANCE.md        make fuzz      60 s of fuzzing per target"
	@echo "make peers    real servers to test against, unpacked under build/peers"
	@echo "make matrix   every lab fault, twice, under ASan too"
	@echo "make flood    a million made-up clients at the reflector, in namespaces"
	@echo "make keepalive   keep-alive predictions against 10,000 simulated days each (slow)"

# What is missing, said in one line before anything begins.
ready = $(eval WHY := $(shell sh tests/tools/ready.sh $(1) $(PACKAGES)))$(if $(WHY),$(error $(WHY)))
ready-%:
	$(call ready,$*)@:

deps: ready-packages
	@sh tests/tools/deps.sh $(PACKAGES)

peers:
	@sh tests/tools/peers.sh build/peers $(PEERS)

demo: ready-lab deps
	@$(MAKE) --no-print-directory all
	@sh tests/tools/demo.sh $(BIN)

check: ready-root deps
	@sh tests/tools/peers.sh build/peers $(PEERS) || true
	@$(MAKE) --no-print-directory -j2 build-tests
	@$(MAKE) --no-print-directory -j2 BUILD=asan build-tests
	@bash tests/run.sh --all

asan: ready-root deps
	@$(MAKE) --no-print-directory -j2 BUILD=asan build-tests
	@bash tests/run.sh --asan

matrix: ready-root deps
	@$(MAKE) --no-print-directory -j2 build-tests
	@$(MAKE) --no-print-directory -j2 BUILD=asan build-tests
	@bash tests/run.sh --matrix

FUZZ_SECONDS ?= 60
fuzz: ready-clang deps
	@$(MAKE) --no-print-directory -j2 BUILD=fuzz CC=clang fuzz-bins
	@sh tests/tools/fuzz.sh build/fuzz/tests/fuzz $(FUZZ_SECONDS)

lint:
	@bash tests/tools/lint.sh

bench: ready-root deps
	@$(MAKE) --no-print-directory -j2 all bench-bins
	@sh tests/bench/bench.sh $(B)

flood: ready-root deps
	@$(MAKE) --no-print-directory -j2 all $(B)/tests/flood/flood
	@bash tests/flood/flood.sh $(B)

install: all
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/sallyport
	for p in $(PROFILES); do install -D -m 644 $$p \
		$(DESTDIR)$(PREFIX)/share/sallyport/profiles/$$(basename $$p) || exit 1; done
	install -D -m 644 docs/report.schema.json $(DESTDIR)$(PREFIX)/share/sallyport/report.schema.json
	install -D -m 644 docs/sallyport.8 $(DESTDIR)$(PREFIX)/share/man/man8/sallyport.8
ifeq ($(FEATURES),all)
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|' probes/reflector/sallyport-reflector.service.in \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/sallyport-reflector.service
endif

clean:
	rm -rf build

-include $(wildcard $(B)/*.d $(B)/*/*.d $(B)/*/*/*.d $(B)/*/*/*/*.d)
.PHONY: FORCE all profiles unit keepalive build-tests fuzz-bins bench-bins help deps peers demo check asan matrix fuzz lint bench flood install clean
.SECONDARY:
