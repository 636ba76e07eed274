#!/usr/bin/env bash
# Drives viem, ethers and web3.py against fresh local networks.
#
#   examples/clients/run.sh [viem] [ethers] [web3]     without a name: all three
#
# MBT_LOCALNET names the binary; without it the workspace's release build is taken.
# Everything that is installed goes into this folder (node_modules/, .venv/).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export MBT_LOCALNET="${MBT_LOCALNET:-$PWD/../../target/release/mbt-localnet}"
if [[ ! -x "$MBT_LOCALNET" ]]; then
    echo "no localnet at $MBT_LOCALNET: build it with 'cargo build --release --bins'" >&2
    exit 1
fi
MBT_LOCALNET="$(realpath "$MBT_LOCALNET")"

install_node() {
    local stamp=node_modules/.installed
    if [[ ! -f $stamp || package-lock.json -nt $stamp ]]; then
        npm ci --no-audit --no-fund --loglevel=error
        touch "$stamp"
    fi
    node compile.mjs
}

install_python() {
    local stamp=.venv/.installed
    if [[ ! -f $stamp || python/requirements.txt -nt $stamp ]]; then
        python3 -m venv .venv &&
            .venv/bin/pip install --quiet --disable-pip-version-check -r python/requirements.txt &&
            touch "$stamp"
    fi
}

run() {
    case "$1" in
        viem | ethers) node --test --test-reporter=tap test/proof.test.mjs "test/$1.test.mjs" ;;
        web3) install_python && .venv/bin/python python/test_web3.py ;;
        *) echo "unknown client: $1 (viem, ethers, web3)" >&2 && exit 2 ;;
    esac
}

[[ $# -gt 0 ]] || set -- viem ethers web3
install_node
failed=()
for client in "$@"; do
    echo "=== $client"
    run "$client" || failed+=("$client")
done
echo "clients: $(($# - ${#failed[@]})) passed, ${#failed[@]} failed${failed[*]:+: ${failed[*]}}"
[[ ${#failed[@]} -eq 0 ]]
