#!/usr/bin/env node
/**
 * @file How well cheap scores stand in for exact activation patching, measured on the shipped model; writes the table of
 * docs/choosing.md. Needs a build; takes a minute.
 *
 *   node scripts/measure-correlations.mjs            write the table
 *   node scripts/measure-correlations.mjs --check    change nothing; exit 1 when a number has moved by more than 0.02
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import {
  batchesOf,
  buildGraph,
  createPatchableModel,
  flattenScores,
  maskFromEdges,
  parsePromptFile,
  splitTrainTest,
  tokenizePrompts,
  unflattenScores,
} from '@auto-circuit/core';
import { objectiveOnLogits, optionDefaults } from '@auto-circuit/core/plugin';
import {
  circuitOutputs,
  edgeSelection,
  faithfulnessScale,
  promptsOfLength,
  referenceOutputs,
} from '@auto-circuit/core/run';
import { MIB_FRACTIONS, mibEdgeCounts, mibScores, rankCorrelation, topOverlap } from '@auto-circuit/metrics';
import { loadModel, SHIPPED_MODELS } from '@auto-circuit/models';
import { pruneAlgosPlugin } from '@auto-circuit/prune-algos';
import { ioiMini } from '@auto-circuit/tasks';
import { checkedTable, writeTable } from './docs/measured-table.mjs';

const TABLE = { page: 'choosing.md', script: 'measure-correlations.mjs' };
const LARGEST_DRIFT = 0.02;
const PROMPTS = 64; // half for scores, half to measure on
const TOP = 50;
const PATCH = { kind: 'resample', from: 'corrupt' };
const OBJECTIVE = { kind: 'answers', tokenFunction: 'logit', value: 'diff' };
const RUN = { ablation: 'resample', ablateFrom: 'corrupt', patchType: 'tree', reverse: false };

/** Rows of the table: a name, an algorithm with options, and the passes it takes for a batch. */
const ROWS = [
  ['exact', 'exact', {}, 'a run for each edge'],
  ['finite differences, h = 1/16', null, {}, 'a run for each edge'],
  ['eap', 'eap', {}, '2 forward, 1 backward'],
  ['clean-corrupted', 'clean-corrupted', {}, 'twice those of eap'],
  ['eap-ig-inputs, 5 steps', 'eap-ig-inputs', { steps: 5 }, '5 × eap'],
  ['eap-ig-inputs, 20 steps', 'eap-ig-inputs', { steps: 20 }, '20 × eap'],
  ['eap-ig-activations, 5 steps', 'eap-ig-activations', { steps: 5 }, '5 × eap for each module'],
  ['integrated-edge-gradients, 10 points', 'integrated-edge-gradients', { samples: 10 }, '11 × eap, patched'],
  ['relp', 'relp', {}, 'as eap'],
  ['atp-star', 'atp-star', {}, '2 × eap for each layer'],
  ['cd-t', 'cd-t', {}, 'a run for each edge but those into Q and K'],
  ['subset-sampling, 256 sets', 'subset-sampling', {}, '256 runs'],
  ['information-flow-routes', 'information-flow-routes', {}, '1 forward'],
  ['activation-magnitude, unprocessed', 'activation-magnitude', {}, '1 forward'],
  ['random', 'random', {}, 'none'],
];
/** Centred weights would leave it nothing but rounding: the same model with its weights as they are. */
const UNPROCESSED = ['activation-magnitude'];
const COLUMNS = ['r, signed', 'rank ρ of size', `top ${TOP} shared`, 'CPR', 'CMD'];

const { model: object, tokenizer } = await loadModel(fileURLToPath(SHIPPED_MODELS['ioi-mini'].folder), {
  process: 'all',
});
const file = parsePromptFile(readFileSync(ioiMini.data, 'utf8'), 'ioi-mini.json');
const { prompts: all } = tokenizePrompts(file, tokenizer, { bos: tokenizer.addsBos });
const { train, test } = splitTrainTest(promptsOfLength(all, mostCommonLength(all)).slice(0, PROMPTS), { seed: 0 });
const [trainBatches, testBatches] = [batchesOf(train, 32), batchesOf(test, 32)];
const graph = buildGraph(object.spec.layout);
const backend = await onnxBackend({ threads: 2 });
const model = await createPatchableModel({ model: object, graph, backend });
const { model: plain } = await loadModel(fileURLToPath(SHIPPED_MODELS['ioi-mini'].folder), { process: 'none' });
const unprocessed = await createPatchableModel({ model: plain, graph, backend });
const references = await referenceOutputs(model, testBatches, RUN, PATCH);
const scale = faithfulnessScale(references, model.outputSize);

const measured = [];
let exact = null;
for (const [name, algo, options, passes] of ROWS) {
  const scores = algo === null ? await finiteDifferences(1 / 16) : await scoresOf(algo, options);
  exact ??= scores;
  const numbers = [
    pearson(scores, exact),
    rankCorrelation(graph, scores, exact),
    topOverlap(graph, scores, exact, TOP).jaccard,
    ...(await curve(scores)),
  ].map((x) => x ?? 0);
  measured.push({ name, numbers, text: [passes] });
  console.log(`${name}: ${numbers.map((x) => x.toFixed(3)).join(' ')}`);
}
await model.dispose();
await unprocessed.dispose();
await backend.dispose();

if (process.argv.includes('--check')) checkedTable(TABLE, measured, LARGEST_DRIFT);
else writeTable(TABLE, ['scores', ...COLUMNS, 'passes'], measured);

async function scoresOf(name, options) {
  const algo = pruneAlgosPlugin.contributes.find((one) => one.name === name);
  const context = {
    model: UNPROCESSED.includes(name) ? unprocessed : model,
    graph,
    batches: trainBatches,
    objective: OBJECTIVE,
    patch: PATCH,
    seed: 0,
    progress: { report() {} },
  };
  return (await algo.score(context, { ...optionDefaults(algo.options), ...options })).scores;
}

/** (M with the edge patched by h − M) ÷ h: what gradients at 0 are the limit of. */
async function finiteDifferences(h) {
  const sums = new Float64Array(graph.edgeCount);
  for (const batch of trainBatches) {
    const lossesOf = async (edges) => {
      const mask = maskFromEdges(graph, edges, { inside: h, outside: 0 });
      return objectiveOnLogits(OBJECTIVE, await model.patchedRun(batch, { input: 'clean', patch: PATCH, mask }), batch);
    };
    const baseline = await lossesOf([]);
    for (let edge = 0; edge < graph.edgeCount; edge++) {
      (await lossesOf([edge])).forEach((loss, i) => (sums[edge] += (loss - baseline[i]) / h / train.length));
    }
  }
  return unflattenScores(graph, sums);
}

/** MIB's two numbers of the circuits that scores give, by the threshold that keeps ties. */
async function curve(scores) {
  const selection = edgeSelection(graph, scores, 'threshold');
  const counts = mibEdgeCounts(graph.edgeCount);
  const points = [];
  for (const [i, fraction] of MIB_FRACTIONS.entries()) {
    const outputs = await circuitOutputs(model, testBatches, selection.edges(counts[i]), RUN, PATCH);
    points.push({ fraction, faithfulness: scale.of(outputs) });
  }
  const { cpr, cmd } = mibScores(points);
  return [cpr, cmd];
}

function pearson(a, b) {
  const [x, y] = [flattenScores(graph, a), flattenScores(graph, b)];
  const mean = (list) => list.reduce((sum, v) => sum + v, 0) / list.length;
  const [mx, my] = [mean(x), mean(y)];
  const sum = (of) => x.reduce((total, _, i) => total + of(i), 0);
  const spread = Math.sqrt(sum((i) => (x[i] - mx) ** 2) * sum((i) => (y[i] - my) ** 2));
  return spread === 0 ? null : sum((i) => (x[i] - mx) * (y[i] - my)) / spread;
}

function mostCommonLength(prompts) {
  const counts = new Map();
  for (const { clean } of prompts) counts.set(clean.length, (counts.get(clean.length) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0][0];
}
