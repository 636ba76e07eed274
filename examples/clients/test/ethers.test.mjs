// ethers, unchanged, against three mining nodes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import {
  Contract, ContractFactory, JsonRpcProvider, NonceManager, Wallet, WebSocketProvider, getCreateAddress,
  id, isError, parseEther, parseUnits, toBeHex, toQuantity, zeroPadValue, keccak256, concat,
} from 'ethers';
import { reportLog, startLocalnet } from '../localnet.mjs';
import { verifyAccountProof } from '../proof.mjs';
import { eventually, post, rpc } from '../support.mjs';

const { abi, bytecode } = JSON.parse(readFileSync(new URL('../build/Vault.json', import.meta.url)));
const STRANGER = '0x000000000000000000000000000000000000c0de';
const OPTIONS = { pollingInterval: 200, cacheTimeout: -1 };

describe('ethers', { timeout: 600_000 }, () => {
  let failures = 0;
  let localnet;
  let url;
  let providers; // one a node
  let provider; // the first of them
  let socket;
  let owner;
  let signer; // the owner, counting its nonces
  let vault; // the contract, set by the deployment

  const claim = (name, body) => test(name, async (t) => {
    try {
      await body(t);
    } catch (error) {
      failures += 1;
      throw error;
    }
  });
  const slot = (n) => toBeHex(n, 32);
  const mined = async (sending) => (await sending).wait();

  before(async () => {
    localnet = await startLocalnet();
    const { public: endpoints, accounts } = localnet.network;
    url = endpoints[0].http;
    providers = endpoints.map((endpoint) => new JsonRpcProvider(endpoint.http, undefined, OPTIONS));
    [provider] = providers;
    socket = new WebSocketProvider(endpoints[0].ws);
    owner = new Wallet(accounts[1].private_key, provider);
    signer = new NonceManager(owner);
  });

  after(async () => {
    if (localnet === undefined) return;
    await socket.destroy();
    providers.forEach((each) => each.destroy());
    reportLog(localnet, failures);
    await localnet.stop();
  });

  claim('every node answers with the announced chain id', async () => {
    assert.equal(providers.length, 3);
    const announced = BigInt(localnet.network.public[0].chain_id);
    for (const each of providers) assert.equal((await each.getNetwork()).chainId, announced);
    assert.equal(owner.address.toLowerCase(), localnet.network.accounts[1].hex.toLowerCase());
  });

  claim('a transfer moves its value', async () => {
    const value = parseEther('0.25');
    const receipt = await mined(signer.sendTransaction({ to: STRANGER, value }));
    assert.equal(receipt.status, 1);
    assert.equal(receipt.type, 2);
    assert.equal(receipt.gasUsed, 21_000n);
    assert.equal(receipt.fee, receipt.gasUsed * receipt.gasPrice);
    assert.equal(await provider.getBalance(STRANGER), value);
    const block = await provider.getBlock(receipt.blockNumber, true);
    assert.ok(block.prefetchedTransactions.some((sent) => sent.hash === receipt.hash));
  });

  claim('a burst of transfers is mined in nonce order', async () => {
    const sending = Array.from({ length: 20 }, () => signer.sendTransaction({ to: STRANGER, value: 1n }));
    const receipts = await Promise.all((await Promise.all(sending)).map((sent) => sent.wait()));
    const places = receipts.map((receipt) => [receipt.blockNumber, receipt.index]);
    for (let i = 1; i < places.length; i += 1) {
      const [[block, index], [nextBlock, nextIndex]] = [places[i - 1], places[i]];
      assert.ok(nextBlock > block || (nextBlock === block && nextIndex > index));
    }
  });

  claim('a replacement needs a higher price and then takes the place', async () => {
    // A gap before it keeps the transaction waiting until the replacement is known.
    const nonce = await provider.getTransactionCount(owner.address) + 1;
    const bid = (gwei) => owner.sendTransaction({
      to: STRANGER, value: 1n, nonce, gasLimit: 21_000n, type: 0, gasPrice: parseUnits(`${gwei}`, 'gwei'),
    });
    await bid(10);
    await assert.rejects(bid(10.5), (error) => isError(error, 'REPLACEMENT_UNDERPRICED'));
    const better = await bid(12);
    await owner.sendTransaction({ to: STRANGER, value: 1n, nonce: nonce - 1 });
    assert.equal((await better.wait()).gasPrice, parseUnits('12', 'gwei'));
    signer.reset();
  });

  claim('a contract is deployed at the address of sender and nonce', async () => {
    const nonce = await provider.getTransactionCount(owner.address, 'pending');
    vault = await new ContractFactory(abi, bytecode, signer).deploy();
    await vault.waitForDeployment();
    assert.equal(await vault.getAddress(), getCreateAddress({ from: owner.address, nonce }));
    assert.notEqual(await vault.getDeployedCode(), null);
  });

  claim('storage and mappings keep what a call wrote', async () => {
    const receipt = await mined(vault.deposit('first', { value: 1_000n }));
    assert.equal(receipt.logs[0].fragment.name, 'Deposited');
    await mined(vault.approve(STRANGER, 7n));
    assert.equal(await vault.total(), 1_000n);
    assert.equal(await vault.deposits(owner.address), 1_000n);
    assert.equal(await vault.allowances(owner.address, STRANGER), 7n);
    assert.equal(await provider.getStorage(await vault.getAddress(), 0), slot(1_000));
    const before_ = { blockTag: receipt.blockNumber - 1 };
    assert.equal(await vault.total(before_), 0n, 'a call into the past sees the past');
  });

  claim('a custom error is decoded with its fields, by call and by estimate', async () => {
    const failure = (attempt) => attempt.then(() => assert.fail('the call succeeded'), (caught) => caught);
    const called = await failure(vault.withdraw.staticCall(5_000n));
    assert.ok(isError(called, 'CALL_EXCEPTION'), called.message);
    assert.equal(called.revert?.name, 'InsufficientDeposit');
    assert.deepEqual([...called.revert.args], [owner.address, 5_000n, 1_000n]);
    // ethers does not decode what an estimate fails with; it hands the bytes over.
    const estimated = await failure(vault.withdraw.estimateGas(5_000n));
    assert.ok(isError(estimated, 'CALL_EXCEPTION'), estimated.message);
    assert.equal(vault.interface.parseError(estimated.data)?.name, 'InsufficientDeposit');
  });

  claim('a revert reason is decoded', async () => {
    const error = await vault.deposit.staticCall('nothing').catch((caught) => caught);
    assert.equal(error.reason, 'nothing was sent');
  });

  claim('a mined transaction that reverts is reported with its receipt', async () => {
    const sent = await vault.withdraw(5_000n, { gasLimit: 100_000n });
    const error = await sent.wait().catch((caught) => caught);
    assert.ok(isError(error, 'CALL_EXCEPTION'), error.message);
    assert.equal(error.receipt.status, 0);
    const trace = await provider.send('debug_traceTransaction', [sent.hash, { tracer: 'callTracer' }]);
    assert.equal(trace.error, 'execution reverted');
    const decoded = vault.interface.parseError(trace.output);
    assert.equal(decoded.name, 'InsufficientDeposit');
  });

  claim('logs are found by range, by topic and by filter', async () => {
    const address = await vault.getAddress();
    const topics = [id('Deposited(address,uint256,string)')];
    const filter = await provider.send('eth_newFilter', [{ address, topics }]);
    await mined(vault.deposit('filtered', { value: 20n }));
    const changed = await eventually('the filter reports the deposit', async () => {
      const logs = await provider.send('eth_getFilterChanges', [filter]);
      return logs.length > 0 && logs;
    });
    assert.equal(vault.interface.parseLog(changed[0]).args.note, 'filtered');
    assert.equal((await provider.send('eth_getFilterLogs', [filter])).length, 1);
    assert.equal(await provider.send('eth_uninstallFilter', [filter]), true);

    const notes = async (query) => (await vault.queryFilter(query)).map((log) => log.args.note);
    assert.deepEqual(await notes(vault.filters.Deposited()), ['first', 'filtered']);
    assert.deepEqual(await notes(vault.filters.Deposited(STRANGER)), []);
    assert.deepEqual(await notes(vault.filters.Deposited(owner.address)), ['first', 'filtered']);
  });

  claim('a websocket subscription delivers heads, logs and pending transactions', async () => {
    const [heads, logs, pending] = [[], [], []];
    const streamed = new Contract(await vault.getAddress(), abi, socket);
    await socket.on('block', (number) => heads.push(number));
    await socket.on('pending', (hash) => pending.push(hash));
    await streamed.on('Withdrawn', (who, amount, event) => logs.push({ who, amount, event }));
    await eventually('the first head arrives', () => heads.length > 0);
    const receipt = await mined(vault.withdraw(20n));
    const log = await eventually('the log arrives', () => logs[0]);
    assert.deepEqual([log.who, log.amount], [owner.address, 20n]);
    assert.equal(log.event.log.transactionHash, receipt.hash);
    await eventually('the pending hash arrives', () => pending.includes(receipt.hash));
    await eventually('a second head arrives', () => heads.length > 1);
    await socket.removeAllListeners();
    await streamed.removeAllListeners();
  });

  claim('fee history and fee data agree with the blocks', async () => {
    const history = await provider.send('eth_feeHistory', ['0x2', 'latest', [50]]);
    const oldest = await provider.getBlock(Number(history.oldestBlock));
    assert.equal(BigInt(history.baseFeePerGas[0]), oldest.baseFeePerGas);
    assert.equal(history.baseFeePerGas.length, 3);
    assert.equal(history.reward.length, 2);
    const fees = await provider.getFeeData();
    assert.ok(fees.maxFeePerGas > fees.maxPriorityFeePerGas);
    assert.ok(fees.gasPrice >= parseUnits('1', 'gwei'), 'the base fee never falls below 1 gwei');
  });

  claim('proofs of accounts and slots hold against the block they are of', async () => {
    const address = await vault.getAddress();
    const deposit = keccak256(concat([zeroPadValue(owner.address, 32), slot(1)]));
    const { number, stateRoot } = await provider.getBlock('latest');
    const ask = (who, keys) => provider.send('eth_getProof', [who, keys, toQuantity(number)]);
    const held = await ask(address, [slot(0), deposit, slot(99)]);
    assert.deepEqual(held.storageProof.map((entry) => BigInt(entry.value)), [1_000n, 1_000n, 0n]);
    verifyAccountProof(stateRoot, held);
    verifyAccountProof(stateRoot, await ask(owner.address, []));
    verifyAccountProof(stateRoot, await ask('0x000000000000000000000000000000000000dEaD', []));
  });

  claim('an access list names the slots a call touches', async () => {
    const call = await vault.deposit.populateTransaction('listed', { value: 1n });
    const request = { from: owner.address, to: call.to, data: call.data, value: '0x1' };
    const { accessList } = await provider.send('eth_createAccessList', [request, 'latest']);
    const address = (await vault.getAddress()).toLowerCase();
    const own = accessList.find((entry) => entry.address.toLowerCase() === address);
    assert.ok(own.storageKeys.includes(slot(0)));
  });

  claim('block tags are ordered', async () => {
    const numbers = [];
    for (const tag of ['earliest', 'finalized', 'safe', 'latest']) {
      numbers.push((await provider.getBlock(tag)).number);
    }
    assert.equal(numbers[0], 0);
    assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
    assert.notEqual(await provider.send('eth_getBlockByNumber', ['pending', false]), null);
    assert.equal(await provider.getBlock(numbers[3] + 1_000_000), null);
  });

  claim("refusals carry geth's texts, which ethers turns into codes", async () => {
    const stale = owner.sendTransaction({ to: STRANGER, value: 1n, nonce: 0, gasLimit: 21_000n });
    await assert.rejects(stale, (error) => isError(error, 'NONCE_EXPIRED'));
    const poor = new Wallet(id('an account without coin'), provider);
    const unpaid = poor.sendTransaction({ to: STRANGER, value: 1n, gasLimit: 21_000n });
    await assert.rejects(unpaid, (error) => isError(error, 'INSUFFICIENT_FUNDS'));
  });

  claim('malformed requests get the error codes of JSON-RPC', async () => {
    const codeOf = (method, params) => rpc(url, method, params).then(() => 0, (error) => error.code);
    assert.equal(await codeOf('eth_noSuchMethod', []), -32601);
    assert.equal(await codeOf('eth_getBalance', ['0x12', 'latest']), -32602);
    assert.equal(await codeOf('eth_getBalance', [STRANGER, 'newest']), -32602);
    assert.notEqual(await codeOf('eth_sendRawTransaction', ['0x02c0']), 0);
    const answers = await post(url, [1, 2, 3].map((n) => ({
      jsonrpc: '2.0', id: n, method: n === 2 ? 'eth_noSuchMethod' : 'eth_blockNumber', params: [],
    })));
    assert.deepEqual(answers.map((answer) => answer.error?.code ?? 0), [0, -32601, 0]);
  });

  claim('the three nodes agree on a block and its state', async () => {
    const number = await provider.getBlockNumber();
    await eventually('the nodes agree', async () => {
      const blocks = await Promise.all(providers.map((each) => each.getBlock(number)));
      const seen = new Set(blocks.map((block) => block && block.hash + block.stateRoot));
      return seen.size === 1 && !seen.has(null);
    });
  });
});
