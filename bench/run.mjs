/**
 * @file The table of the README: plain, patched and EAP at GPT-2-small shape, each against the other in turns.
 *
 *   npm run bench                         ratios to our own plain forward pass
 *   npm run bench -- --peers VENV --peer-script FILE   the Python library in turns with ours (FILE: a script that prints a JSON line a case)
 *   npm run bench -- --shapes 2x16,16x16 --rounds 3
 */
import { spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    shapes: { type: 'string', default: '2x16,16x16,16x64' },
    rounds: { type: 'string', default: '2' },
    peers: { type: 'string' },
    'peer-script': { type: 'string' },
  },
});
/** Our case → the Python library's case of the same work. */
const PEER_CASES = { patched: 'ac_masked', eap: 'ac_eap' };
const CASE_SCRIPT = fileURLToPath(new URL('./case.mjs', import.meta.url));

console.log(
  `${cpus()[0].model}, ${cpus().length} logical processors, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, 2 threads, float32`,
);
console.log(
  `batch × pos   work      median ms   / plain   peak MiB${values.peers ? '   Python ms   times faster' : ''}`,
);
for (const shape of values.shapes.split(',')) {
  const results = { plain: [], patched: [], eap: [], peer: { patched: [], eap: [] } };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of ['plain', 'patched', 'eap']) {
      results[name].push(ours(name, shape));
      if (values.peers && PEER_CASES[name]) results.peer[name].push(peer(PEER_CASES[name], shape));
    }
  }
  for (const name of ['plain', 'patched', 'eap']) {
    // ratios pair by pair, so that a drift of the machine hits both
    const ratio = median(results[name].map((r, i) => r.median_ms / results.plain[i].median_ms));
    const time = median(results[name].map((r) => r.median_ms));
    const peak = Math.max(...results[name].map((r) => r.peak_mib));
    let line = `${shape.padEnd(13)} ${name.padEnd(9)} ${time.toFixed(1).padStart(9)}   ${ratio.toFixed(2).padStart(7)}   ${peak.toFixed(0).padStart(8)}`;
    const peers = results.peer[name];
    if (peers?.length) {
      const faster = median(peers.map((p, i) => p.median_ms / results[name][i].median_ms));
      line += `   ${median(peers.map((p) => p.median_ms))
        .toFixed(0)
        .padStart(9)}   ${faster.toFixed(1).padStart(12)}`;
    }
    console.log(line);
  }
}

function ours(name, shape) {
  return lastJson(
    spawnSync(process.execPath, [CASE_SCRIPT, name, shape], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
    name,
  );
}
function peer(name, shape) {
  const [batch, seq] = shape.split('x');
  const args = [values['peer-script'], name, '--batch', batch, '--seq', seq, '--reps', '5'];
  return lastJson(
    spawnSync(`${values.peers}/bin/python`, args, {
      encoding: 'utf8',
      env: { ...process.env, OLD_TL: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
    name,
  );
}
function lastJson({ stdout, status }, name) {
  const line = (stdout ?? '').trim().split('\n').at(-1);
  if (status !== 0 || !line?.startsWith('{')) {
    console.error(`[bench] case ${name} failed with status ${status}`);
    process.exit(1);
  }
  return JSON.parse(line);
}
function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
