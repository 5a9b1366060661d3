#!/usr/bin/env node
/**
 * @file The question of data-driven circuit discovery (https://arxiv.org/abs/2605.09129) on data of two behaviours: half `ioi`, half
 * `greater-than`, mixed. Are the two found without being told, and is each served better by its own circuit than by the shared one
 * of the same size? Needs a build and SmolLM2 (`scripts/setup-smollm2.sh`); takes some minutes. Exit code 1 where the answer is no.
 *
 *   SMOLLM2_DIR=models/smollm2 node scripts/two-behaviours.mjs
 *   … --prompts 40 --algo eap --edges 1000 --seed 0 --keep DIR              keeps the run folder
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './dev.mjs';

/** At least so many prompts must be in the group of their behaviour. */
const RIGHT = 0.95;

const { values: flags } = parseArgs({
  options: {
    model: { type: 'string', default: process.env.SMOLLM2_DIR },
    prompts: { type: 'string', default: '40' },
    algo: { type: 'string', default: 'eap-ig-inputs' },
    edges: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '0' },
    keep: { type: 'string' },
  },
});
if (flags.model === undefined) {
  console.error('set SMOLLM2_DIR or give --model; scripts/setup-smollm2.sh fetches the model');
  process.exit(2);
}

const work = flags.keep === undefined ? mkdtempSync(join(tmpdir(), 'two-behaviours-')) : resolve(flags.keep);
try {
  process.exitCode = answer() ? 0 : 1;
} finally {
  if (flags.keep === undefined) rmSync(work, { recursive: true });
}

function cli(...args) {
  const { status } = spawnSync(process.execPath, [join(ROOT, 'packages/cli/dist/main.js'), ...args], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`auto-circuit ${args[0]} ended with code ${status}`);
}

function answer() {
  const data = join(work, 'both.json');
  const run = join(work, 'run');
  const model = ['--model', flags.model];
  const count = ['--count', flags.prompts, '--seed', flags.seed];
  cli('dataset', '--generate', 'ioi,greater-than', ...count, ...model, '--only-right', '--out', data);
  const asked = ['--algo', flags.algo, '--edges', flags.edges, '--keep', flags.edges, '--seed', flags.seed];
  cli('discover', '--data', data, ...model, ...asked, '--batch-size', '20', '--per-prompt', 'float32', '--out', run);
  cli('clusters', run);
  const { prompts } = JSON.parse(readFileSync(data, 'utf8'));
  const found = JSON.parse(readFileSync(join(run, 'clusters.json'), 'utf8'));
  return grouped(prompts, found) && served(found);
}

/** How many prompts are in the group that most prompts of their behaviour are in. */
function grouped(prompts, { groups, prompts: train, measured }) {
  const kindOf = ({ index }) => Number(/\b1\d\d\d\b.*the year/.test(prompts[index].clean));
  console.log(`\n${groups.length} groups found, where there are 2 behaviours`);
  let enough = groups.length === 2;
  for (const [what, list] of Object.entries({ 'that circuits were found on': train, 'held out': measured })) {
    const same = list.filter((one) => one.group === kindOf(one)).length;
    const right = Math.max(same, list.length - same);
    console.log(`${right} of ${list.length} prompts ${what} are in the group of their behaviour`);
    enough &&= right >= RIGHT * list.length;
  }
  return enough;
}

/** Whether every group has a gain above 0 in 95 of 100 resamples of its prompts. */
function served({ groups, faithfulness, gains, edges }) {
  for (const [g, { name }] of groups.entries()) {
    const [shared, own] = [faithfulness[g]?.[0].value, faithfulness[g]?.[g + 1].value];
    const { value, low, high } = gains[g] ?? {};
    console.log(
      `${name}, ${edges} edges: faithfulness ${own?.toFixed(3)} by its own circuit, ${shared?.toFixed(3)} by the shared one; nearer by ${value?.toFixed(3)} (${low?.toFixed(3)} to ${high?.toFixed(3)})`,
    );
  }
  return gains.every((gain) => gain !== null && gain.low > 0);
}
