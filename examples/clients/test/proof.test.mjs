// The proof verifier itself, so that the tests that trust it mean something. Needs no node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRlp, keccak256 } from 'ethers';
import { verifyProof } from '../proof.mjs';

const KEY = '0x01';
const path = keccak256(KEY).slice(2);
const leaf = encodeRlp([`0x20${path}`, '0x2a']);

test('a lone leaf proves its key and no other', () => {
  assert.equal(verifyProof(keccak256(leaf), KEY, [leaf]), '0x2a');
  assert.equal(verifyProof(keccak256(leaf), '0x02', [leaf]), null);
});

test('a branch is followed by the first nibble', () => {
  const slots = Array(17).fill('0x');
  const child = encodeRlp([`0x3${path.slice(1)}`, '0x2a']);
  slots[parseInt(path[0], 16)] = keccak256(child);
  const branch = encodeRlp(slots);
  assert.equal(verifyProof(keccak256(branch), KEY, [branch, child]), '0x2a');
  assert.equal(verifyProof(keccak256(branch), '0x02', [branch]), null);
  assert.throws(() => verifyProof(keccak256(branch), KEY, [branch]), /ends before/);
  assert.throws(() => verifyProof(keccak256(branch), KEY, [branch, leaf]), /does not hash/);
});

test('a wrong root, a changed node and a node to spare are refused', () => {
  assert.throws(() => verifyProof(keccak256('0x'), KEY, [leaf]), /does not hash/);
  assert.throws(() => verifyProof(keccak256(leaf), KEY, [leaf.replace(/2a$/, '2b')]), /does not hash/);
  assert.throws(() => verifyProof(keccak256(leaf), KEY, [leaf, leaf]), /to spare/);
});

test('an empty proof proves absence in an empty trie only', () => {
  assert.equal(verifyProof(keccak256('0x80'), KEY, []), null);
  assert.throws(() => verifyProof(keccak256(leaf), KEY, []), /empty proof/);
});
