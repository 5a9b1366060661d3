/**
 * @file A Llama of 1.2 billion random parameters, written to disk as a stream, and EAP on one pair of 64 tokens through the
 * command line: peak of what is resident, its two parts, and seconds. The folder is removed at the end.
 *
 *   node bench/one-billion.mjs [--memory GIB] [--tokens 64] [--keep]      needs 8 GB of disk and 10 GiB of memory
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
    memory: { type: 'string', default: '10' },
    tokens: { type: 'string', default: '64' },
    keep: { type: 'boolean', default: false },
  },
});
const MAIN = fileURLToPath(new URL('../packages/cli/dist/main.js', import.meta.url));
const folder = join(process.env.AUTO_CIRCUIT_BENCH_DIR ?? tmpdir(), 'auto-circuit-one-billion');
const model = join(folder, 'model');
await mkdir(folder, { recursive: true });
try {
  const parameters = await writeRandomCheckpoint('one-billion', model);
  const { vocab_size } = CHECKPOINTS['one-billion'].config;
  const discover = await discoverOnePair({ folder, model, tokens: Number(values.tokens), vocabulary: vocab_size });
  console.log(`${(parameters / 1e9).toFixed(2)} billion parameters, 1 × ${values.tokens}, --memory ${values.memory}`);
  console.log('                                  peak MiB: resident = own + mapped pages       seconds');
  // The first time converts the checkpoint into a file of float32 that every program maps; the second finds it there.
  for (const title of ['first run, with the conversion', 'again']) {
    const { code, stderr, ...cost } = await measuredChild(
      process.execPath,
      [MAIN, ...discover, '--memory', values.memory, '--debug'],
      { env: { ...process.env, AUTO_CIRCUIT_CACHE: join(folder, 'cache') } },
    );
    if (code !== 0) throw new Error(`discover ended with code ${code}:\n${stderr}`);
    console.log(costRow(title.padEnd(40), cost));
    for (const line of stderr.split('\n').filter((text) => /memory|micro-batch|program/.test(text)))
      console.log(`    ${line}`);
  }
} finally {
  if (!values.keep) await rm(folder, { recursive: true });
}
