// viem, unchanged, against three mining nodes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import {
  BaseError, ContractFunctionRevertedError, InsufficientFundsError, NonceTooLowError,
  createPublicClient, createWalletClient, defineChain, http, keccak256, pad, parseEther, parseGwei,
  toHex, webSocket,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { reportLog, startLocalnet } from '../localnet.mjs';
import { verifyAccountProof } from '../proof.mjs';
import { eventually, rpc } from '../support.mjs';

const { abi, bytecode } = JSON.parse(readFileSync(new URL('../build/Vault.json', import.meta.url)));
const STRANGER = '0x00000000000000000000000000000000000c0ffe';
const TIMEOUT_MS = 60_000;

describe('viem', { timeout: 600_000 }, () => {
  let failures = 0;
  let localnet;
  let nodes; // one public client a node
  let client; // the first of them
  let streaming;
  let wallet;
  let account;
  let vault; // address, set by the deployment

  const claim = (name, body) => test(name, async (t) => {
    try {
      await body(t);
    } catch (error) {
      failures += 1;
      throw error;
    }
  });
  const mined = (hash) => client.waitForTransactionReceipt({ hash, timeout: TIMEOUT_MS });
  const write = async (functionName, args, value) => {
    const hash = await wallet.writeContract({ address: vault, abi, functionName, args, value });
    return mined(hash);
  };

  before(async () => {
    localnet = await startLocalnet();
    const { public: endpoints, accounts } = localnet.network;
    const chain = defineChain({
      id: Number(endpoints[0].chain_id),
      name: 'MBT localnet',
      nativeCurrency: { name: 'MBTC', symbol: 'MBTC', decimals: 18 },
      rpcUrls: { default: { http: [endpoints[0].http], webSocket: [endpoints[0].ws] } },
    });
    const clientOf = (transport) => createPublicClient({ chain, transport, pollingInterval: 200 });
    nodes = endpoints.map((endpoint) => clientOf(http(endpoint.http)));
    [client] = nodes;
    streaming = clientOf(webSocket(endpoints[0].ws));
    account = privateKeyToAccount(accounts[0].private_key);
    wallet = createWalletClient({ account, chain, transport: http(endpoints[0].http) });
  });

  after(async () => {
    if (localnet === undefined) return;
    const socket = await streaming.transport.getRpcClient().catch(() => undefined);
    socket?.close();
    reportLog(localnet, failures);
    await localnet.stop();
  });

  claim('every node answers with the announced chain id', async () => {
    assert.equal(nodes.length, 3);
    assert.equal(account.address.toLowerCase(), localnet.network.accounts[0].hex.toLowerCase());
    for (const node of nodes) assert.equal(await node.getChainId(), client.chain.id);
  });

  claim('a transfer moves its value and costs what the receipt says', async () => {
    const value = parseEther('1.5');
    const hash = await wallet.sendTransaction({ to: STRANGER, value });
    const receipt = await mined(hash);
    assert.equal(receipt.status, 'success');
    assert.equal(receipt.type, 'eip1559');
    assert.equal(receipt.gasUsed, 21_000n);
    assert.equal(await client.getBalance({ address: STRANGER }), value);
    const fee = receipt.gasUsed * receipt.effectiveGasPrice;
    const { blockNumber } = receipt;
    const balanceAt = (number) => client.getBalance({ address: account.address, blockNumber: number });
    const [earlier, then] = [await balanceAt(blockNumber - 1n), await balanceAt(blockNumber)];
    assert.equal(earlier - then, value + fee);
  });

  claim('legacy and access-list transactions are mined as what they are', async () => {
    const gasPrice = parseGwei('3');
    const legacy = await wallet.sendTransaction({ to: STRANGER, value: 1n, type: 'legacy', gasPrice });
    assert.equal((await mined(legacy)).type, 'legacy');
    const accessList = [{ address: STRANGER, storageKeys: [pad('0x0')] }];
    const listed = await wallet.sendTransaction({
      to: STRANGER, value: 1n, type: 'eip2930', gasPrice, accessList,
    });
    assert.equal((await mined(listed)).type, 'eip2930');
    const sent = await client.getTransaction({ hash: listed });
    assert.deepEqual(sent.accessList, accessList);
    assert.equal(sent.from.toLowerCase(), account.address.toLowerCase());
  });

  claim('the pending nonce counts a transaction that waits', async () => {
    const nonce = () => client.getTransactionCount({ address: account.address, blockTag: 'pending' });
    const first = await nonce();
    const hash = await wallet.sendTransaction({ to: STRANGER, value: 1n, nonce: first });
    assert.equal(await nonce(), first + 1);
    await mined(hash);
    assert.equal(await client.getTransactionCount({ address: account.address }), first + 1);
  });

  claim('a contract is deployed', async () => {
    const receipt = await mined(await wallet.deployContract({ abi, bytecode }));
    assert.equal(receipt.status, 'success');
    vault = receipt.contractAddress;
    assert.ok((await client.getCode({ address: vault })).length > 2);
  });

  claim('storage and mappings keep what a call wrote', async () => {
    const receipt = await write('deposit', ['first'], 1_000n);
    assert.equal(receipt.logs.length, 1);
    await write('approve', [STRANGER, 7n]);
    const read = (functionName, args) => client.readContract({ address: vault, abi, functionName, args });
    assert.equal(await read('total'), 1_000n);
    assert.equal(await read('deposits', [account.address]), 1_000n);
    assert.equal(await read('allowances', [account.address, STRANGER]), 7n);
    assert.equal(BigInt(await client.getStorageAt({ address: vault, slot: '0x0' })), 1_000n);
  });

  claim('a custom error is decoded with its fields', async () => {
    const call = client.simulateContract({
      account, address: vault, abi, functionName: 'withdraw', args: [5_000n],
    });
    const reverted = await revertOf(call);
    assert.equal(reverted.data?.errorName, 'InsufficientDeposit');
    assert.deepEqual(reverted.data.args, [account.address, 5_000n, 1_000n]);
  });

  claim('a revert reason is decoded, and estimating gas for it fails the same way', async () => {
    const call = { account, address: vault, abi, functionName: 'deposit', args: ['nothing'] };
    assert.equal((await revertOf(client.simulateContract(call))).reason, 'nothing was sent');
    assert.equal((await revertOf(client.estimateContractGas(call))).reason, 'nothing was sent');
  });

  claim('a mined transaction that reverts has a receipt and leaves the state', async () => {
    const hash = await wallet.writeContract({
      address: vault, abi, functionName: 'withdraw', args: [5_000n], gas: 100_000n,
    });
    const receipt = await mined(hash);
    assert.equal(receipt.status, 'reverted');
    assert.ok(receipt.gasUsed > 21_000n && receipt.gasUsed < 100_000n);
    assert.equal(await client.readContract({ address: vault, abi, functionName: 'total' }), 1_000n);
  });

  claim('logs are found by range, by topic and by filter', async () => {
    const filter = await client.createContractEventFilter({ address: vault, abi, eventName: 'Deposited' });
    const receipt = await write('deposit', ['filtered'], 20n);
    const changed = await eventually('the filter reports the deposit', async () => {
      const logs = await client.getFilterChanges({ filter });
      return logs.length > 0 ? logs : undefined;
    });
    assert.equal(changed[0].args.note, 'filtered');
    assert.equal(changed[0].transactionHash, receipt.transactionHash);
    assert.ok(await client.uninstallFilter({ filter }));

    const range = { address: vault, abi, eventName: 'Deposited', fromBlock: 'earliest' };
    const all = await client.getContractEvents(range);
    assert.deepEqual(all.map((log) => log.args.note), ['first', 'filtered']);
    const args = { owner: STRANGER };
    assert.deepEqual(await client.getContractEvents({ ...range, args }), []);
    const inBlock = await client.getLogs({ blockHash: receipt.blockHash, address: vault });
    assert.equal(inBlock[0].logIndex, receipt.logs[0].logIndex);
  });

  claim('a websocket subscription delivers heads and logs', async () => {
    const heads = [];
    const logs = [];
    const fail = (error) => assert.fail(error);
    const stopHeads = streaming.watchBlockNumber({ onBlockNumber: (n) => heads.push(n), onError: fail });
    const stopLogs = streaming.watchContractEvent({
      address: vault, abi, eventName: 'Withdrawn', onLogs: (batch) => logs.push(...batch), onError: fail,
    });
    await eventually('the first head arrives', () => heads[0]);
    const receipt = await write('withdraw', [20n]);
    const log = await eventually('the log arrives', () => logs[0]);
    assert.deepEqual({ ...log.args }, { owner: account.address, amount: 20n });
    assert.equal(log.transactionHash, receipt.transactionHash);
    await eventually('a second head arrives', () => heads[1]);
    stopHeads();
    stopLogs();
  });

  claim('fee history agrees with the blocks it is about', async () => {
    const count = 3;
    const history = await client.getFeeHistory({ blockCount: count, rewardPercentiles: [25, 75] });
    assert.equal(history.baseFeePerGas.length, count + 1);
    assert.equal(history.gasUsedRatio.length, count);
    assert.ok(history.reward.every((row) => row.length === 2 && row[0] <= row[1]));
    const blocks = await Promise.all(history.gasUsedRatio.map(
      (_, i) => client.getBlock({ blockNumber: history.oldestBlock + BigInt(i) }),
    ));
    blocks.forEach((block, i) => {
      assert.equal(history.baseFeePerGas[i], block.baseFeePerGas);
      const ratio = Number(block.gasUsed) / Number(block.gasLimit);
      assert.ok(Math.abs(history.gasUsedRatio[i] - ratio) < 1e-9);
    });
    const { maxFeePerGas, maxPriorityFeePerGas } = await client.estimateFeesPerGas();
    assert.ok(maxFeePerGas >= maxPriorityFeePerGas);
  });

  claim('proofs of accounts and slots hold against the block they are of', async () => {
    // deposits[account]: keccak(pad(account) . pad(slot 1))
    const slot = keccak256(pad(account.address) + pad('0x1').slice(2));
    const absent = keccak256(toHex('nobody'));
    const { number, stateRoot } = await client.getBlock({ blockTag: 'latest' });
    const ask = (address, keys) => rpc(
      localnet.network.public[0].http, 'eth_getProof', [address, keys, toHex(number)],
    );
    const held = await ask(vault, [pad('0x0'), slot, absent]);
    assert.equal(held.storageProof.length, 3);
    assert.equal(BigInt(held.storageProof[0].value), 1_000n);
    assert.equal(BigInt(held.storageProof[1].value), 1_000n);
    assert.equal(BigInt(held.storageProof[2].value), 0n);
    verifyAccountProof(stateRoot, held);
    verifyAccountProof(stateRoot, await ask(account.address, []));
    verifyAccountProof(stateRoot, await ask('0x000000000000000000000000000000000000dead', []));
    held.storageProof[0].value = '0x3e9';
    assert.throws(() => verifyAccountProof(stateRoot, held), /slot/);
  });

  claim('block tags are ordered and name the same chain', async () => {
    const [earliest, finalized, safe, latest, pending] = await Promise.all(
      ['earliest', 'finalized', 'safe', 'latest', 'pending'].map((blockTag) => client.getBlock({ blockTag })),
    );
    assert.equal(earliest.number, 0n);
    assert.ok(finalized.number <= safe.number && safe.number <= latest.number);
    assert.ok(pending.number === null || pending.number >= latest.number);
    assert.equal((await client.getBlock({ blockHash: latest.hash })).number, latest.number);
  });

  claim("refusals carry geth's texts, which viem turns into named errors", async () => {
    const stale = wallet.sendTransaction({ to: STRANGER, value: 1n, nonce: 0, gas: 21_000n });
    await assert.rejects(stale, (error) => isCausedBy(error, NonceTooLowError));
    const poor = privateKeyToAccount(keccak256(toHex('an account without coin')));
    const unpaid = wallet.sendTransaction({ account: poor, to: STRANGER, value: 1n, gas: 21_000n });
    await assert.rejects(unpaid, (error) => isCausedBy(error, InsufficientFundsError));
  });

  claim('an unknown method answers -32601', async () => {
    const error = await client.request({ method: 'anvil_nodeInfo' }).catch((caught) => caught);
    assert.ok(error instanceof BaseError);
    assert.equal(error.walk((cause) => typeof cause.code === 'number').code, -32601);
  });

  claim('the three nodes agree on a block and its state', async () => {
    const number = await client.getBlockNumber();
    await eventually('the nodes agree', async () => {
      const ask = (node) => node.getBlock({ blockNumber: number }).catch(() => undefined);
      const blocks = await Promise.all(nodes.map(ask));
      const seen = new Set(blocks.map((block) => block && block.hash + block.stateRoot));
      return seen.size === 1 && !seen.has(undefined);
    });
  });
});

async function revertOf(call) {
  const error = await call.then(() => assert.fail('the call succeeded'), (caught) => caught);
  const reverted = error.walk?.((cause) => cause instanceof ContractFunctionRevertedError);
  assert.ok(reverted, `not a contract revert: ${error.message}`);
  return reverted;
}

function isCausedBy(error, kind) {
  const found = error.walk?.((cause) => cause instanceof kind);
  return found instanceof kind || assert.fail(`not ${kind.name}: ${error.message}`);
}
