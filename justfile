# The daily commands; `just --list` names them. CONTRIBUTING.md says how long each takes.

# The library's tests.
quick:
    cargo test -p mqtt-wire --all-features

# All tests.
test:
    tests/run

# Formatting, lints and documentation, as CI has them.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-features --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps

# Everything that has to hold before a change lands.
ci:
    .ci/run

# Every fuzz target for some seconds.
fuzz seconds="30":
    fuzz/run {{seconds}}

# Instructions of every packet, compared with the committed counts.
guard:
    benches/guard/run

# The sessions of CI's list, explored to their end.
explore:
    cargo run --release -p mqtt-session-explore -- session/explore/ci.list

# The conformance suite on the library.
conformance:
    cargo run -p mqtt-conformance -- run

# What would be published.
packages:
    tests/packages/check
