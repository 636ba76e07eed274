// A small verifier of Ethereum's Merkle-Patricia proofs: the tests trust it, not the node.
import { decodeRlp, encodeRlp, keccak256, toBeArray } from 'ethers';

/**
 * Walks `proof` (RLP nodes, root first) along keccak(key) and returns the RLP value found there,
 * or null when the nodes prove that the key is absent. Throws when they prove nothing.
 */
export function verifyProof(root, key, proof) {
  const nibbles = [...keccak256(key).slice(2)].map((digit) => parseInt(digit, 16));
  const nodes = [...proof];
  if (nodes.length === 0) {
    if (root === keccak256(encodeRlp('0x'))) return null;
    throw new Error('an empty proof for a trie that is not empty');
  }
  let reference = root;
  for (let depth = 0; ;) {
    const node = take(reference, nodes);
    if (node.length === 17) {
      // Hashed keys have one length, so no value ever sits in a branch.
      reference = node[nibbles[depth]];
      depth += 1;
    } else {
      const { path, leaf } = decodePath(node[0]);
      const matches = path.every((nibble, i) => nibbles[depth + i] === nibble);
      if (!matches) return end(null, nodes);
      depth += path.length;
      if (leaf) return end(node[1], nodes);
      reference = node[1];
    }
    if (reference === '0x') return end(null, nodes);
  }
}

/** Checks an `eth_getProof` answer against a state root: the account first, then its slots. */
export function verifyAccountProof(stateRoot, answer) {
  const found = verifyProof(stateRoot, answer.address, answer.accountProof);
  const claimed = [answer.nonce, answer.balance, answer.storageHash, answer.codeHash];
  const claimedRlp = encodeRlp([quantity(claimed[0]), quantity(claimed[1]), claimed[2], claimed[3]]);
  const exists = BigInt(answer.nonce) > 0n || BigInt(answer.balance) > 0n || found !== null;
  if (exists && found !== claimedRlp) throw new Error(`the account differs from its proof: ${found}`);
  for (const slot of answer.storageProof) {
    const key = `0x${BigInt(slot.key).toString(16).padStart(64, '0')}`;
    const proved = verifyProof(answer.storageHash, key, slot.proof);
    const value = proved === null ? 0n : BigInt(decodeRlp(proved));
    if (value !== BigInt(slot.value)) throw new Error(`slot ${slot.key} differs from its proof`);
  }
}

/** The node a reference names: the next one of the proof by its hash, or one inlined as a list. */
function take(reference, nodes) {
  if (Array.isArray(reference)) return reference;
  const encoded = nodes.shift();
  if (encoded === undefined) throw new Error('the proof ends before the key does');
  if (keccak256(encoded) !== reference) throw new Error(`a node does not hash to ${reference}`);
  return decodeRlp(encoded);
}

function end(value, nodes) {
  if (nodes.length > 0) throw new Error('the proof has nodes to spare');
  return value;
}

/** Hex-prefix encoding: the first nibble tells leaf from extension and odd from even. */
function decodePath(encoded) {
  const digits = [...encoded.slice(2)].map((digit) => parseInt(digit, 16));
  return { leaf: digits[0] >= 2, path: digits.slice(digits[0] % 2 === 1 ? 1 : 2) };
}

function quantity(value) {
  return BigInt(value) === 0n ? '0x' : toBeArray(BigInt(value));
}
