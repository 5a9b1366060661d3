#!/usr/bin/env node
/**
 * @file Whether two checkouts make the same runs, byte by byte: the demo and a run of each algorithm on the shipped model. What a change
 * of structure has to pass. Both checkouts must be built.
 *
 *   node scripts/same-runs.mjs OTHER_CHECKOUT             all runs
 *   node scripts/same-runs.mjs OTHER_CHECKOUT eap acdc    some of them
 *
 * `timings.json` and `checksums.json` are left out, and of `run.json` the versions; of `report.html` only whether it is there is compared.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ROOT } from './dev.mjs';

const MINI = ['--task', 'ioi-mini', '--limit', '48'];
const plain = (algo) => [algo, [...MINI, '--algo', algo]];
const trained = (algo, ...options) => [algo, [...MINI, '--algo', algo, ...options]];
/** Run → flags of `discover`. */
const RUNS = Object.fromEntries([
  ['demo', ['--task', 'ioi-mini', '--algo', 'eap-ig-inputs']],
  ...[
    'eap',
    'eap-ig-inputs',
    'eap-ig-activations',
    'integrated-edge-gradients',
    'mask-gradient',
    'clean-corrupted',
  ].map(plain),
  ...[
    'relp',
    'gim',
    'information-flow-routes',
    'activation-magnitude',
    'random',
    'node-attribution',
    'exact',
    'acdc',
  ].map(plain),
  trained('subnetwork-probing', '--algo.epochs', '40'),
  trained('circuit-probing', '--algo.epochs', '20', '--algo.sizes', '10,100'),
  trained('ugs', '--algo.epochs', '40'),
  trained('edge-pruning', '--algo.steps', '40'),
  trained('adversarial-knockouts', '--algo.epochs', '20', '--algo.edges', 'A0.0->A1.0.Q,A0.0->A2.1.K,A1.2->Resid End'),
  ['positions', ['--task', 'ioi-mini-positions', '--limit', '24', '--algo', 'acdc']],
  ['compiled', ['--task', 'tracr-reverse', '--algo', 'eap']],
  ['optimal', ['--task', 'ioi-mini', '--limit', '24', '--algo', 'eap', '--ablation', 'optimal']],
  [
    'edge-patch',
    ['--task', 'ioi-mini', '--limit', '24', '--algo', 'eap', '--patch-type', 'edge', '--select', 'greedy'],
  ],
  [
    'interpreter',
    ['--task', 'ioi-mini', '--limit', '8', '--algo', 'eap', '--backend', 'interpreter', '--edges', '5,50'],
  ],
]);

const [other, ...names] = process.argv.slice(2);
if (!other || !existsSync(join(other, 'packages/cli/dist/main.js'))) {
  console.error('usage: node scripts/same-runs.mjs OTHER_CHECKOUT [RUN …]; both checkouts built');
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'same-runs-'));
let failed = 0;
for (const [name, flags] of Object.entries(RUNS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const made = [ROOT, resolve(other)].map((checkout, i) => run(checkout, flags, join(folder, `${name}-${i}`)));
  const different = differences(...made);
  console.log(
    `${different.length === 0 ? 'same     ' : 'DIFFERENT'} ${name}${different.length ? `: ${different.join(', ')}` : ''}`,
  );
  failed += different.length === 0 ? 0 : 1;
}
rmSync(folder, { recursive: true });
process.exit(failed > 0 ? 1 : 0);

/** The run's files: name → what is compared. A command that fails is its own exit code. */
function run(checkout, flags, out) {
  const args = [join(checkout, 'packages/cli/dist/main.js'), 'discover', ...flags, '--out', out, '--quiet'];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) return new Map([[`exit code ${status}: ${stderr.trim().split('\n').at(-1)}`, '']]);
  const files = readdirSync(out).filter((file) => !['timings.json', 'checksums.json'].includes(file));
  return new Map(files.map((file) => [file, compared(file, readFileSync(join(out, file)))]));
}

function compared(file, bytes) {
  if (file === 'report.html') return '';
  if (file !== 'run.json') return bytes.toString('base64');
  const { versions: _, memory: __, checksums: ___, ...rest } = JSON.parse(bytes.toString('utf8'));
  return JSON.stringify(rest);
}

function differences(a, b) {
  return [...new Set([...a.keys(), ...b.keys()])].filter((file) => a.get(file) !== b.get(file));
}
