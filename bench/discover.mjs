/**
 * @file The whole of `discover` by its defaults, through the command line, on models that are there:
 *
 *   SMOLLM2_DIR=DIR GEMMA3_DIR=DIR node bench/discover.mjs [--rounds N] [--limit 64]
 *
 * Half of the prompts are scored by EAP, the others measured. A row has the seconds of scoring, of all the rest but loading
 * (references, circuits), how many times its scoring the whole takes, the circuits that were measured, CPU time
 * and memory. BENCH_THREADS (2).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machineFacts } from './machine.mjs';
import { measuredChild } from './measured-child.mjs';
import { median } from './processes.mjs';

const MAIN = fileURLToPath(new URL('../packages/cli/dist/main.js', import.meta.url));
const MODELS = { 'SmolLM2-135M': process.env.SMOLLM2_DIR, 'Gemma 3 270M': process.env.GEMMA3_DIR };
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '1' }, limit: { type: 'string', default: '64' } },
});
const there = Object.entries(MODELS).filter(([, folder]) => folder);
if (there.length === 0) {
  console.error('[bench] name a folder: SMOLLM2_DIR or GEMMA3_DIR');
  process.exit(2);
}
for (const line of await machineFacts()) console.log(line);
console.log('\nmodel          score s  measure s  / score  circuits  CPU s  peak MiB');
for (const [name, folder] of there) {
  const rounds = [];
  while (rounds.length < Number(values.rounds)) rounds.push(await discovered(folder));
  const middle = (of) => median(rounds.map(of));
  const cells = [
    middle((r) => r.score)
      .toFixed(1)
      .padStart(7),
    middle((r) => r.measure)
      .toFixed(1)
      .padStart(10),
    middle((r) => (r.score + r.measure) / r.score)
      .toFixed(2)
      .padStart(8),
    String(middle((r) => r.circuits)).padStart(9),
    middle((r) => r.cpu)
      .toFixed(1)
      .padStart(6),
    middle((r) => r.peak)
      .toFixed(0)
      .padStart(9),
  ];
  console.log(`${name.padEnd(14)} ${cells.join(' ')}`);
}
process.exit(0);

async function discovered(folder) {
  const root = mkdtempSync(join(tmpdir(), 'bench-discover-'));
  const out = join(root, 'run');
  const threads = process.env.BENCH_THREADS ?? '2';
  const args = ['discover', '--model', folder, '--task', 'ioi', '--algo', 'eap', '--limit', values.limit];
  try {
    const run = await measuredChild(process.execPath, [MAIN, ...args, '--threads', threads, '--out', out, '--quiet']);
    if (run.code !== 0) {
      console.error(`[bench] discover failed with status ${run.code}: ${run.stderr}`);
      process.exit(1);
    }
    const read = (file) => JSON.parse(readFileSync(join(out, file), 'utf8'));
    const { score, measure } = read('timings.json').seconds;
    return {
      score,
      measure,
      circuits: read('measurements.json')[0].points.length - 2, // the empty circuit and the whole model come from the references
      cpu: run.cpuSeconds,
      peak: run.peak.resident,
    };
  } finally {
    rmSync(root, { recursive: true });
  }
}
