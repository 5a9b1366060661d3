/**
 * @file One long prompt on SmolLM2 135M's shape with random weights, through the command line: EAP and one circuit of 100 edges.
 * Prints what is resident at most, its two parts, and seconds. The folder is removed at the end.
 *
 *   node bench/long-prompts.mjs [--memory GIB] [--tokens 1024,2048] [--keep] [--debug]      needs 3 GB of disk
 */
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measuredChild } from './measured-child.mjs';
import { costRow, discoverOnePair } from './one-pair.mjs';
import { CHECKPOINTS, writeRandomCheckpoint } from './random-checkpoint.mjs';

const { values } = parseArgs({
  options: {
    memory: { type: 'string' },
    tokens: { type: 'string', default: '1024,2048' },
    keep: { type: 'boolean', default: false },
    debug: { type: 'boolean', default: false },
  },
});
const MAIN = fileURLToPath(new URL('../packages/cli/dist/main.js', import.meta.url));
const folder = join(process.env.AUTO_CIRCUIT_BENCH_DIR ?? tmpdir(), 'auto-circuit-long-prompts');
const model = join(folder, 'model');
const env = { ...process.env, AUTO_CIRCUIT_CACHE: join(folder, 'cache') };
await mkdir(folder, { recursive: true });
try {
  await writeRandomCheckpoint('smollm2', model);
  const { vocab_size } = CHECKPOINTS.smollm2.config;
  console.log(
    `tokens  peak MiB: resident = own + mapped pages   seconds   --memory ${values.memory ?? '(half of RAM)'}`,
  );
  for (const tokens of values.tokens.split(',').map(Number)) {
    const discover = await discoverOnePair({ folder, model, tokens, vocabulary: vocab_size });
    const limit = values.memory === undefined ? [] : ['--memory', values.memory];
    const args = [MAIN, ...discover, ...limit, '--debug'];
    const { code, stderr, ...cost } = await measuredChild(process.execPath, args, { env });
    if (code !== 0) throw new Error(`discover ended with code ${code}:\n${stderr}`);
    console.log(costRow(`${tokens}`.padStart(6), cost));
    if (values.debug) console.log(stderr.replace(/^/gm, '    '));
  }
} finally {
  if (!values.keep) await rm(folder, { recursive: true });
}
