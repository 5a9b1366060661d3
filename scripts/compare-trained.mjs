#!/usr/bin/env node
/**
 * @file Whether the algorithms that train masks find better circuits than EAP at the size that they are asked for: KL to the model on the
 * test prompts of the shipped model, for several seeds (split, noise). Writes the table of docs/choosing.md. Needs a build; takes a quarter
 * of an hour.
 *
 *   node scripts/compare-trained.mjs                                         write the table, of seeds 0 to 4
 *   node scripts/compare-trained.mjs --seeds 0,1                             write it of these
 *   node scripts/compare-trained.mjs --size 40 --seeds 0,1 --algos ugs       print a part of it
 *   node scripts/compare-trained.mjs --task ioi-mini --size 20 --algos ugs --options '{"epochs":50}'
 *   … --curves                                                               and how the training went
 *   SMOLLM2_DIR=FOLDER node scripts/compare-trained.mjs --task smollm2 --seeds 0   IOI on SmolLM2, 1 % of its edges: hours
 *   node scripts/compare-trained.mjs --known FILE,FILE                       write the table; what these outputs hold is not run again
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { openTask } from '@auto-circuit/core';
import { kl } from '@auto-circuit/metrics';
import { loadModel, SHIPPED_MODELS } from '@auto-circuit/models';
import { pruneAlgosPlugin } from '@auto-circuit/prune-algos';
import { ioi, ioiMini } from '@auto-circuit/tasks';
import { writeTable } from './docs/measured-table.mjs';

const TABLE = { page: 'choosing.md', script: 'compare-trained.mjs' };
/** What is run: the model, the prompts, sizes, and how many steps of one batch where the default is too long. */
const TASKS = {
  'ioi-mini': { folder: fileURLToPath(SHIPPED_MODELS['ioi-mini'].folder), data: ioiMini, sizes: [80, 40, 20, 10] },
  ...(process.env.SMOLLM2_DIR
    ? { smollm2: { folder: process.env.SMOLLM2_DIR, data: ioi, limit: 16, sizes: [1700], steps: 60 } }
    : {}),
};
/** What each is asked for a size by. */
const TRAINED = {
  'subnetwork-probing': (size) => ({ size }),
  'circuit-probing': (size) => ({ sizes: `${size}` }),
  ugs: (size) => ({ size }),
  'edge-pruning': (size) => ({ size }),
};
const CURVE_POINTS = 12;

const { values: flags } = parseArgs({
  options: {
    task: { type: 'string' },
    size: { type: 'string' },
    seeds: { type: 'string', default: '0,1,2,3,4' },
    algos: { type: 'string' },
    options: { type: 'string', default: '{}' },
    curves: { type: 'boolean', default: false },
    known: { type: 'string' },
  },
});
const seeds = flags.seeds.split(',').map(Number);
const algos = flags.algos?.split(',') ?? Object.keys(TRAINED);
const isWhole = !flags.task && !flags.size && !flags.algos && flags.options === '{}';
const known = knownFrom(flags.known?.split(',') ?? []);

const backend = await onnxBackend({ threads: 1 });
const lines = [];
for (const [name, task] of Object.entries(TASKS)) {
  if (flags.task && flags.task !== name) continue;
  const loaded = await loadModel(task.folder, { process: 'all' });
  for (const size of flags.size ? [Number(flags.size)] : task.sizes) lines.push(await line(name, task, loaded, size));
}
await backend.dispose();
if (isWhole) writeTable(TABLE, [`seeds ${seeds.join(', ')}`, 'random', 'eap', ...algos], lines);

/** One line of the table: means over seeds, and in how many of them an algorithm is better than EAP. */
async function line(taskName, { data, limit, steps }, loaded, size) {
  const kls = new Map(['random', 'eap', ...algos].map((name) => [name, []]));
  let edges = 0;
  for (const seed of seeds) {
    const task = await openTask({ data, ...loaded, backend, seed, ...(limit ? { limit } : {}) });
    edges = task.graph.edgeCount;
    for (const [name, list] of kls) {
      const title = `${taskName}, ${size} edges, seed ${seed}, ${name}`;
      const before = known.get(title);
      if (before !== undefined) {
        list.push(before);
        continue;
      }
      const start = performance.now();
      const algo = pruneAlgosPlugin.contributes.find((one) => one.name === name);
      const options = TRAINED[name]
        ? {
            ...TRAINED[name](size),
            ...(steps ? { [name === 'edge-pruning' ? 'steps' : 'epochs']: steps } : {}),
            ...JSON.parse(flags.options),
          }
        : {};
      const { scores, curves } = await task.score(algo, options);
      const [{ value }] = await task.measure(task.circuit(scores, size), [kl]);
      list.push(value);
      console.log(`${title}: KL ${value.toPrecision(4)}, ${((performance.now() - start) / 1000).toFixed(1)} s`);
      if (flags.curves && curves) printCurves(curves);
    }
    await task.dispose();
  }
  const eap = kls.get('eap');
  const text = [...kls].map(([name, list]) => {
    const mean = list.reduce((sum, x) => sum + x, 0) / list.length;
    const better = list.filter((x, i) => x < eap[i]).length;
    return TRAINED[name] ? `${rounded(mean)} (${better} of ${list.length})` : rounded(mean);
  });
  const result = { name: `${taskName}, ${size} of ${edges} edges`, numbers: [], text };
  console.log(`${result.name}: ${[...kls.keys()].map((name, i) => `${name} ${text[i]}`).join(', ')}`);
  return result;
}

/** Numbers of earlier outputs of this script, by what stands before them. */
function knownFrom(files) {
  const lines = files.flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  const found = lines.flatMap((line) => [...line.matchAll(/^(.*, seed \d+, [\w-]+): KL ([\d.e-]+),/g)]);
  return new Map(found.map(([, title, value]) => [title, Number(value)]));
}

function rounded(x) {
  return x.toPrecision(2).includes('e') ? x.toExponential(1) : `${Number(x.toPrecision(2))}`;
}

/** Means over equal parts of the steps. */
function printCurves(curves) {
  for (const [name, y] of Object.entries(curves)) {
    const width = Math.ceil(y.length / CURVE_POINTS);
    const parts = Array.from({ length: Math.ceil(y.length / width) }, (_, i) => y.slice(i * width, (i + 1) * width));
    console.log(
      `  ${name}: ${parts.map((part) => (part.reduce((a, b) => a + b, 0) / part.length).toFixed(4)).join(' ')}`,
    );
  }
}
