// Starts a fresh mbt-localnet for one test file and stops it again.
//
// MBT_LOCALNET names the binary; without it the workspace's release build is taken.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BINARY = process.env.MBT_LOCALNET
  ?? fileURLToPath(new URL('../../target/release/mbt-localnet', import.meta.url));
const READY_MS = 60_000;
const STOP_MS = 15_000;
const LOG_LINES = 60;
/** Ports kept free above the base port: more than the localnet's nodes use. */
const PORTS = 40;
/** The network ends by itself after this time, should a test run die without stopping it. */
const LIFETIME_S = 900;

/** Starts a localnet; `network` is its ready line: `{ public, leagues, accounts, pages }`. */
export async function startLocalnet() {
  const folder = mkdtempSync(join(tmpdir(), 'mbt-clients-'));
  const logPath = join(folder, 'localnet.log');
  const log = openSync(logPath, 'w');
  const base = await freePorts();
  const child = spawn(
    BINARY,
    ['--json', '--base-port', `${base}`, '--data', join(folder, 'data'), '--duration', `${LIFETIME_S}`],
    { stdio: ['ignore', 'pipe', log] },
  );
  closeSync(log);
  const logTail = () => readFileSync(logPath, 'utf8').split('\n').slice(-LOG_LINES).join('\n');
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGINT');
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(force);
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    return { network: await readyLine(child), logTail, stop };
  } catch (cause) {
    const tail = logTail();
    await stop();
    throw new Error(`${BINARY} did not get ready: ${cause.message}\n${tail}`, { cause });
  }
}

/** Prints the end of the localnet's log when a test of this file failed. */
export function reportLog(localnet, failures) {
  if (failures > 0) console.error(`\n--- the localnet's last log lines ---\n${localnet.logTail()}`);
}

/** The first stdout line that is a JSON object with `ready: true`. */
function readyLine(child) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ready line within ${READY_MS} ms`)), READY_MS);
    const settle = (finish, value) => {
      clearTimeout(late);
      finish(value);
    };
    child.once('error', (error) => settle(reject, error));
    child.once('exit', (code, signal) => settle(reject, new Error(`it ended with ${signal ?? code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      try {
        const value = JSON.parse(line);
        if (value.ready === true) settle(resolve, value);
      } catch (error) {
        settle(reject, new Error(`stdout holds a line that is not JSON: ${line}`, { cause: error }));
      }
    });
  });
}

/** A base port such that it and the ports above it can be bound on loopback. */
async function freePorts() {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const base = 20_000 + 50 * Math.floor(Math.random() * 240);
    const free = await Promise.all(Array.from({ length: PORTS }, (_, i) => canBind(base + i)));
    if (free.every(Boolean)) return base;
  }
  throw new Error('no free range of loopback ports');
}

function canBind(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
