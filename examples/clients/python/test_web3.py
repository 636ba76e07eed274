"""web3.py, unchanged, against three mining nodes."""

import asyncio
import json
import time
import unittest
from pathlib import Path

from eth_account import Account
from eth_utils import keccak
from web3 import AsyncWeb3, Web3, WebSocketProvider
from web3.exceptions import ContractCustomError, ContractLogicError, TransactionNotFound, Web3RPCError
from web3.middleware import SignAndSendRawMiddlewareBuilder

from localnet import Localnet
from proof import verify_account_proof

BUILD = Path(__file__).resolve().parents[1] / "build" / "Vault.json"
STRANGER = Web3.to_checksum_address("0x00000000000000000000000000000000deadc0de")
NOBODY = Web3.to_checksum_address("0x000000000000000000000000000000000000dead")
PATIENCE_S = 60
POLL_S = 0.2


def eventually(what, ask):
    """Ask until the answer is truthy; blocks come when a miner finds them."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(POLL_S)
    raise AssertionError(f"not within {PATIENCE_S} s: {what}")


class Web3Test(unittest.TestCase):
    """Runs in the order of the names: the later steps use the contract that an earlier deployed."""

    @classmethod
    def setUpClass(cls):
        cls.localnet = Localnet()
        cls.addClassCleanup(cls.localnet.stop)
        network = cls.localnet.network
        cls.endpoints = network["public"]
        cls.nodes = [Web3(Web3.HTTPProvider(node["http"])) for node in cls.endpoints]
        cls.w3 = cls.nodes[0]
        cls.account = Account.from_key(network["accounts"][2]["private_key"])
        cls.w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(cls.account), layer=0)
        cls.w3.eth.default_account = cls.account.address
        cls.artifact = json.loads(BUILD.read_text())
        cls.vault = None

    def mined(self, sent):
        return self.w3.eth.wait_for_transaction_receipt(sent, PATIENCE_S, POLL_S)

    def test_01_every_node_answers_with_the_announced_chain_id(self):
        self.assertEqual(len(self.nodes), 3)
        for node in self.nodes:
            self.assertTrue(node.is_connected())
            self.assertEqual(node.eth.chain_id, int(self.endpoints[0]["chain_id"]))
        self.assertTrue(self.w3.client_version)

    def test_02_a_transfer_moves_its_value_and_costs_what_the_receipt_says(self):
        value = Web3.to_wei("0.5", "ether")
        receipt = self.mined(self.w3.eth.send_transaction({"to": STRANGER, "value": value}))
        self.assertEqual((receipt.status, receipt.gasUsed, receipt.type), (1, 21_000, 2))
        self.assertEqual(self.w3.eth.get_balance(STRANGER), value)
        then, after = (
            self.w3.eth.get_balance(self.account.address, number)
            for number in (receipt.blockNumber - 1, receipt.blockNumber)
        )
        self.assertEqual(then - after, value + receipt.gasUsed * receipt.effectiveGasPrice)

    def test_03_the_pending_nonce_counts_a_transaction_that_waits(self):
        def nonce():
            return self.w3.eth.get_transaction_count(self.account.address, "pending")

        first = nonce()
        sent = self.w3.eth.send_transaction({"to": STRANGER, "value": 1, "nonce": first})
        self.assertEqual(nonce(), first + 1)
        self.mined(sent)

    def test_04_a_contract_is_deployed(self):
        abi, bytecode = self.artifact["abi"], self.artifact["bytecode"]
        sent = self.w3.eth.contract(abi=abi, bytecode=bytecode).constructor().transact()
        receipt = self.mined(sent)
        self.assertEqual(receipt.status, 1)
        type(self).vault = self.w3.eth.contract(receipt.contractAddress, abi=abi)
        self.assertGreater(len(self.w3.eth.get_code(receipt.contractAddress)), 0)

    def test_05_storage_and_mappings_keep_what_a_call_wrote(self):
        calls = self.vault.functions
        receipt = self.mined(calls.deposit("first").transact({"value": 1_000}))
        self.assertEqual(self.vault.events.Deposited().process_receipt(receipt)[0].args.note, "first")
        self.mined(calls.approve(STRANGER, 7).transact())
        self.assertEqual(calls.total().call(), 1_000)
        self.assertEqual(calls.deposits(self.account.address).call(), 1_000)
        self.assertEqual(calls.allowances(self.account.address, STRANGER).call(), 7)
        self.assertEqual(calls.total().call(block_identifier=receipt.blockNumber - 1), 0)
        stored = self.w3.eth.get_storage_at(self.vault.address, 0)
        self.assertEqual(int.from_bytes(stored, "big"), 1_000)

    def test_06_a_custom_error_carries_its_fields(self):
        with self.assertRaises(ContractCustomError) as caught:
            self.vault.functions.withdraw(5_000).call()
        selector = keccak(text="InsufficientDeposit(address,uint256,uint256)")[:4]
        data = bytes.fromhex(caught.exception.data[2:])
        self.assertEqual(data[:4], selector)
        fields = self.w3.codec.decode(["address", "uint256", "uint256"], data[4:])
        self.assertEqual(Web3.to_checksum_address(fields[0]), self.account.address)
        self.assertEqual(fields[1:], (5_000, 1_000))

    def test_07_a_revert_reason_is_decoded(self):
        with self.assertRaisesRegex(ContractLogicError, "nothing was sent"):
            self.vault.functions.deposit("nothing").call()
        with self.assertRaisesRegex(ContractLogicError, "nothing was sent"):
            self.vault.functions.deposit("nothing").estimate_gas()

    def test_08_a_mined_transaction_that_reverts_leaves_the_state(self):
        receipt = self.mined(self.vault.functions.withdraw(5_000).transact({"gas": 100_000}))
        self.assertEqual(receipt.status, 0)
        self.assertEqual(self.vault.functions.total().call(), 1_000)

    def test_09_logs_are_found_by_range_and_by_filter(self):
        changes = self.vault.events.Deposited.create_filter(from_block="latest")
        heads = self.w3.eth.filter("latest")
        self.mined(self.vault.functions.deposit("filtered").transact({"value": 20}))
        notes = eventually(
            "the filter reports the deposit", lambda: [log.args.note for log in changes.get_new_entries()]
        )
        self.assertEqual(notes, ["filtered"])
        self.assertGreater(len(heads.get_new_entries()), 0)
        self.assertTrue(self.w3.eth.uninstall_filter(changes.filter_id))
        logs = self.vault.events.Deposited.get_logs(from_block=0)
        self.assertEqual([log.args.note for log in logs], ["first", "filtered"])
        none = self.vault.events.Deposited.get_logs(from_block=0, argument_filters={"owner": STRANGER})
        self.assertEqual(list(none), [])

    def test_10_a_websocket_subscription_delivers_heads_and_logs(self):
        async def stream():
            async with AsyncWeb3(WebSocketProvider(self.endpoints[0]["ws"])) as socket:
                heads = await socket.eth.subscribe("newHeads")
                logs = await socket.eth.subscribe("logs", {"address": self.vault.address})
                sent = await asyncio.to_thread(self.vault.functions.withdraw(20).transact)
                seen = {heads: [], logs: []}
                async for message in socket.socket.process_subscriptions():
                    seen[message["subscription"]].append(message["result"])
                    if len(seen[heads]) > 1 and seen[logs]:
                        break
                await socket.eth.unsubscribe(heads)
                return sent, seen[heads], seen[logs]

        sent, heads, logs = asyncio.run(asyncio.wait_for(stream(), PATIENCE_S))
        self.assertEqual(logs[0].transactionHash, sent)
        self.assertEqual(self.vault.events.Withdrawn().process_log(logs[0]).args.amount, 20)
        self.assertLessEqual(heads[0].number, heads[1].number)

    def test_11_fee_history_agrees_with_the_blocks_it_is_about(self):
        history = self.w3.eth.fee_history(3, "latest", [25, 75])
        self.assertEqual(len(history.baseFeePerGas), 4)
        for offset, ratio in enumerate(history.gasUsedRatio):
            block = self.w3.eth.get_block(history.oldestBlock + offset)
            self.assertEqual(history.baseFeePerGas[offset], block.baseFeePerGas)
            self.assertAlmostEqual(ratio, block.gasUsed / block.gasLimit)

    def test_12_proofs_hold_against_the_block_they_are_of(self):
        block = self.w3.eth.get_block("latest")
        owner = bytes.fromhex(self.account.address[2:])
        deposit = keccak(owner.rjust(32, b"\0") + (1).to_bytes(32, "big"))
        slots = [0, int.from_bytes(deposit, "big"), 99]
        held = self.w3.eth.get_proof(self.vault.address, slots, block.number)
        values = [int.from_bytes(slot.value, "big") for slot in held.storageProof]
        self.assertEqual(values, [1_000, 1_000, 0])
        verify_account_proof(block.stateRoot, held)
        for address in (self.account.address, NOBODY):
            verify_account_proof(block.stateRoot, self.w3.eth.get_proof(address, [], block.number))

    def test_13_block_tags_are_ordered(self):
        tags = ("earliest", "finalized", "safe", "latest")
        numbers = [self.w3.eth.get_block(tag).number for tag in tags]
        self.assertEqual(numbers[0], 0)
        self.assertEqual(numbers, sorted(numbers))
        self.assertIsNotNone(self.w3.eth.get_block("pending"))

    def test_14_refusals_carry_the_codes_and_texts_clients_match_on(self):
        unknown = self.w3.provider.make_request("eth_noSuchMethod", [])
        self.assertEqual(unknown["error"]["code"], -32601)
        with self.assertRaisesRegex(Web3RPCError, "nonce too low"):
            self.w3.eth.send_transaction({"to": STRANGER, "value": 1, "nonce": 0, "gas": 21_000})
        with self.assertRaises(TransactionNotFound):
            self.w3.eth.get_transaction(keccak(text="no such transaction"))

    def test_15_the_three_nodes_agree_on_a_block_and_its_state(self):
        number = self.w3.eth.block_number

        def agree():
            if any(node.eth.block_number < number for node in self.nodes):
                return False
            blocks = [node.eth.get_block(number) for node in self.nodes]
            return len({(block.hash, block.stateRoot) for block in blocks}) == 1

        eventually("the nodes agree", agree)


class Result(unittest.TextTestResult):
    """Stops at a failed step and shows what the network logged until then."""

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._show_log(test)

    def addError(self, test, err):
        super().addError(test, err)
        self._show_log(test)

    def _show_log(self, test):
        localnet = getattr(test, "localnet", None)
        if localnet is not None:
            self.stream.writeln(f"\n--- the localnet's last log lines ---\n{localnet.log_tail()}")


if __name__ == "__main__":
    unittest.main(
        verbosity=2, testRunner=unittest.TextTestRunner(resultclass=Result, verbosity=2, failfast=True)
    )
