"""A small verifier of Ethereum's Merkle-Patricia proofs: the tests trust it, not the node."""

import rlp
from eth_utils import keccak

EMPTY_ROOT = keccak(rlp.encode(b""))


def verify_proof(root, key, proof):
    """Return the RLP value under keccak(key), or None when the nodes prove that it is absent."""
    nibbles = [int(digit, 16) for digit in keccak(key).hex()]
    nodes = list(proof)
    if not nodes:
        assert root == EMPTY_ROOT, "an empty proof for a trie that is not empty"
        return None
    reference, depth, value = root, 0, None
    while True:
        node = _take(reference, nodes)
        if len(node) == 17:
            # Hashed keys have one length, so no value ever sits in a branch.
            reference = node[nibbles[depth]]
            depth += 1
        else:
            leaf, path = _decode_path(node[0])
            if nibbles[depth : depth + len(path)] != path:
                break
            depth += len(path)
            if leaf:
                value = node[1]
                break
            reference = node[1]
        if reference == b"":
            break
    assert not nodes, "the proof has nodes to spare"
    return value


def verify_account_proof(state_root, answer):
    """Check an eth_getProof answer against a state root: the account first, then its slots."""
    found = verify_proof(state_root, bytes.fromhex(answer.address[2:]), answer.accountProof)
    claimed = rlp.encode([answer.nonce, answer.balance, answer.storageHash, answer.codeHash])
    absent = found is None and answer.nonce == 0 and answer.balance == 0
    assert absent or found == claimed, "the account differs from its proof"
    for slot in answer.storageProof:
        key = int.from_bytes(slot.key, "big").to_bytes(32, "big")
        proved = verify_proof(answer.storageHash, key, slot.proof)
        value = 0 if proved is None else int.from_bytes(rlp.decode(proved), "big")
        assert value == int.from_bytes(slot.value, "big"), "a slot differs from its proof"


def _take(reference, nodes):
    """Return the node a reference names: the proof's next by its hash, or one inlined as a list."""
    if isinstance(reference, list):
        return reference
    assert nodes, "the proof ends before the key does"
    encoded = nodes.pop(0)
    assert keccak(encoded) == reference, "a node does not hash to its reference"
    return rlp.decode(encoded)


def _decode_path(encoded):
    """Decode hex-prefix: the first nibble tells leaf from extension and odd from even."""
    digits = [int(digit, 16) for digit in encoded.hex()]
    return digits[0] >= 2, digits[1 if digits[0] % 2 else 2 :]
