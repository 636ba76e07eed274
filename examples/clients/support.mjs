// What the client tests share: raw JSON-RPC and waiting.

const PATIENCE_MS = 60_000;
const POLL_MS = 200;

/** One JSON-RPC call without any client library between. Throws the error object's code and text. */
export async function rpc(url, method, params) {
  const { error, result } = await post(url, { jsonrpc: '2.0', id: 1, method, params });
  if (error) throw Object.assign(new Error(error.message), { code: error.code, data: error.data });
  return result;
}

/** Posts a JSON value, a single call or a batch, and returns the parsed answer. */
export async function post(url, body) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return response.json();
}

/** Asks until the answer is neither undefined nor false; blocks come when a miner finds them. */
export async function eventually(what, ask) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
  throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
}
