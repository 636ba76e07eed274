// Compiles contracts/Vault.sol into build/Vault.json (abi and bytecode) with the pinned solc.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import solc from 'solc';

const source = readFileSync(new URL('./contracts/Vault.sol', import.meta.url), 'utf8');
const output = JSON.parse(solc.compile(JSON.stringify({
  language: 'Solidity',
  sources: { 'Vault.sol': { content: source } },
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: 'cancun',
    metadata: { bytecodeHash: 'none', appendCBOR: false },
    outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
  },
})));
for (const message of output.errors ?? []) console.error(message.formattedMessage);
if (output.errors?.length) process.exit(1);

const { abi, evm } = output.contracts['Vault.sol'].Vault;
mkdirSync(new URL('./build/', import.meta.url), { recursive: true });
const artifact = { solc: solc.version(), abi, bytecode: `0x${evm.bytecode.object}` };
writeFileSync(new URL('./build/Vault.json', import.meta.url), `${JSON.stringify(artifact, null, 1)}\n`);
