#!/usr/bin/env node
/**
 * @file How often intervals around EAP scores and around metrics of circuits hold what many more prompts would give, measured on the
 * shipped model; writes the tables of docs/choosing.md. Needs a build; takes a few minutes.
 *
 *   node scripts/measure-coverage.mjs            write the table
 *   node scripts/measure-coverage.mjs --check    change nothing; exit 1 when a number has moved by more than 0.02
 *
 * All 320 prompts of ioi-mini stand for the task. Samples of them, drawn with replacement, are what a run of few prompts sees.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { openTask } from '@auto-circuit/core';
import { calibratedFactor, measuredIntervals, seededRandom, standardErrorFactor } from '@auto-circuit/core/plugin';
import { loadModel, SHIPPED_MODELS } from '@auto-circuit/models';
import { ioiMini } from '@auto-circuit/tasks';
import { checkedTable, writeTable } from './docs/measured-table.mjs';

const TABLE = { page: 'choosing.md', script: 'measure-coverage.mjs' };
const CURVES = { page: 'choosing.md', script: 'measure-coverage.mjs, curves' };
const METRICS = ['logit-diff', 'kl', 'percent-correct', 'answer-prob', 'logit-diff-percent', 'faithfulness'];
/** Ratios, of which intervals are compared with those of BCa. */
const RATIOS = ['faithfulness'];
const LARGEST_DRIFT = 0.02; // samples are seeded: only scores can move it
const COUNTS = [10, 20, 40, 80];
const SAMPLES = 100; // times the edges: shares are good to about half a percent
const CURVE_SAMPLES = 300; // the points of a curve share their prompts: shares are good to one or two percent
const STRONGEST = 50;

const scores = await scoresByEdge();
const means = scores.map(meanOf);
const spreads = scores.map((values, edge) => Math.sqrt(meanOf(values.map((x) => (x - means[edge]) ** 2))));
const strongest = new Set(
  [...means.keys()].sort((a, b) => Math.abs(means[b]) - Math.abs(means[a])).slice(0, STRONGEST),
);
const rows = COUNTS.map((prompts) => {
  const held = [0, 0, 0, 0, 0];
  const random = seededRandom(0, `coverage/${prompts}`);
  const factor = standardErrorFactor(prompts);
  for (let sample = 0; sample < SAMPLES; sample++) {
    const drawn = Array.from({ length: prompts }, () => random.below(scores[0].length));
    const rows = scores.map((all) => drawn.map((prompt) => all[prompt])); // [edges][prompts]
    const calibrated = calibratedFactor(rows);
    for (const [edge, values] of rows.entries()) {
      const mean = meanOf(values);
      const error = Math.sqrt(meanOf(values.map((x) => (x - mean) ** 2)) / (prompts - 1));
      const apart = Math.abs(mean - means[edge]);
      if (apart <= 1.96 * error) held[0]++;
      if (apart <= factor * error) held[1]++;
      if (apart <= calibrated * error) held[2]++;
      if (apart <= calibrated * error && strongest.has(edge)) held[3]++;
      if (apart <= (1.96 * spreads[edge]) / Math.sqrt(prompts)) held[4]++;
    }
  }
  const shares = held.map((count, i) => count / SAMPLES / (i === 3 ? STRONGEST : scores.length));
  console.log(`${prompts} prompts: ${shares.map((share) => share.toFixed(3)).join(' ')}`);
  return { name: `${prompts}`, numbers: shares };
});

const curveRows = await coverageOfCurves();
const columns = [
  'mean ± 1.96 standard errors',
  "Student's factor",
  'calibrated factor',
  'the same, 50 strongest edges',
  'with the spread of all 320',
];
if (process.argv.includes('--check')) {
  checkedTable(TABLE, rows, LARGEST_DRIFT);
  checkedTable(CURVES, curveRows, LARGEST_DRIFT);
} else {
  writeTable(TABLE, ['prompts', ...columns], rows);
  writeTable(CURVES, ['metric', ...COUNTS.map((count) => `${count} prompts`)], curveRows);
}

/** The same of metrics: curves of EAP's circuits over 300 prompts stand for the task. A row for each metric. */
async function coverageOfCurves() {
  const out = mkdtempSync(join(tmpdir(), 'coverage-'));
  const cli = fileURLToPath(new URL('../packages/cli/dist/main.js', import.meta.url));
  const args = ['discover', '--task', 'ioi-mini', '--algo', 'eap', '--train', '300', '--test', 'same', '--quiet'];
  execFileSync(process.execPath, [cli, ...args, '--metric', METRICS.join(), '--out', join(out, 'run')]);
  const measurements = JSON.parse(readFileSync(join(out, 'run', 'measurements.json'), 'utf8'));
  rmSync(out, { recursive: true });
  return measurements.flatMap(({ metric, points }) => {
    const curves = points.map(({ promptValues, promptWeights }) => ({ values: promptValues, weights: promptWeights }));
    const row = (name, intervalsOf) => {
      const numbers = COUNTS.map((count) => shareOfCurves(metric, curves, count, intervalsOf));
      console.log(`${name}: ${numbers.map((share) => share.toFixed(3)).join(' ')}`);
      return { name, numbers };
    };
    const own = row(metric, measuredIntervals);
    return RATIOS.includes(metric) ? [own, row(`${metric}, by BCa instead`, bcaIntervals)] : [own];
  });
}

/** The bias-corrected and accelerated bootstrap (Efron 1987), each point by itself. */
function bcaIntervals(points) {
  const prompts = points[0].values.length;
  const random = seededRandom(0, 'bca');
  const draws = Array.from({ length: 400 }, () => Array.from({ length: prompts }, () => random.below(prompts)));
  const all = Array.from({ length: prompts }, (_, prompt) => prompt);
  return points.map(({ values, weights }) => {
    const of = (drawn) => meanOf(drawn.map((i) => values[i])) / (weights ? meanOf(drawn.map((i) => weights[i])) : 1);
    const whole = of(all);
    const resampled = draws.map(of).sort((a, b) => a - b);
    if (resampled[0] === resampled.at(-1)) return null;
    const below = resampled.filter((x) => x < whole).length + resampled.filter((x) => x === whole).length / 2;
    const bias = normalQuantile(Math.min(0.999, Math.max(0.001, below / resampled.length)));
    const without = all.map((left) => of(all.filter((i) => i !== left)));
    const apart = without.map((x) => meanOf(without) - x);
    const spread = 6 * apart.reduce((sum, x) => sum + x * x, 0) ** 1.5;
    const acceleration = spread > 0 ? apart.reduce((sum, x) => sum + x ** 3, 0) / spread : 0;
    return [-1.96, 1.96].map((z) => {
      const share = normalShare(bias + (bias + z) / (1 - acceleration * (bias + z)));
      return resampled[Math.min(resampled.length - 1, Math.max(0, Math.floor(share * resampled.length)))];
    });
  });
}

/** P(Z ≤ z) of the normal distribution: Abramowitz and Stegun 1964, 26.2.17, good to 7.5e-8. */
function normalShare(z) {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return z > 0 ? 1 - tail : tail;
}

function normalQuantile(share) {
  let [low, high] = [-10, 10];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < share) low = middle;
    else high = middle;
  }
  return low;
}

function shareOfCurves(metric, curves, prompts, intervalsOf) {
  const random = seededRandom(0, `coverage of ${metric}/${prompts}`);
  const truth = curves.map(({ values, weights }) => meanOf(values) / (weights ? meanOf(weights) : 1));
  let [held, all] = [0, 0];
  for (let sample = 0; sample < CURVE_SAMPLES; sample++) {
    const drawn = Array.from({ length: prompts }, () => random.below(curves[0].values.length));
    const pick = (list) => drawn.map((prompt) => list[prompt]);
    const points = curves.map(({ values, weights }) => ({
      values: pick(values),
      ...(weights ? { weights: pick(weights) } : {}),
    }));
    for (const [i, interval] of intervalsOf(points).entries()) {
      if (!interval) continue; // the same on all prompts, as the whole model's divergence from itself is
      all++;
      if (interval[0] <= truth[i] && truth[i] <= interval[1]) held++;
    }
  }
  return held / all;
}

/** EAP's score of every prompt, by edge. Edges without any score are left out: their intervals are points. */
async function scoresByEdge() {
  const loaded = await loadModel(fileURLToPath(SHIPPED_MODELS['ioi-mini'].folder), { process: 'all' });
  const task = await openTask({ data: ioiMini, ...loaded, backend: onnxBackend });
  const byEdge = Array.from({ length: task.graph.edgeCount }, () => []);
  for (const batch of [...task.prompts.train, ...task.prompts.test]) {
    const { tensors } = await task.model.maskGradient(batch, {
      input: 'clean',
      patch: { kind: 'resample', from: 'corrupt' },
      objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
    });
    let edge = 0; // in the order of the tensors: all are counted alike
    for (const { module } of task.graph.destinationBlocks) {
      const { data, shape } = tensors[module]; // [prompts, …]
      const width = data.length / shape[0];
      for (let at = 0; at < data.length; at++) byEdge[edge + (at % width)].push(data[at]);
      edge += width;
    }
  }
  await task.dispose();
  return byEdge.filter((values) => values.some((x) => x !== 0));
}

function meanOf(values) {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}
