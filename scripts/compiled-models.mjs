#!/usr/bin/env node
/**
 * @file How well each algorithm finds the circuits of the compiled models: the area under the ROC curve, written into
 * docs/compiled-models.md. Needs `npm run build`.
 *
 *   node scripts/compiled-models.mjs            all rows (some minutes)
 *   node scripts/compiled-models.mjs NAME …     only these algorithms, printed and not written
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import {
  batchesOf,
  buildGraph,
  createPatchableModel,
  DEFAULT_GRAPH_OPTIONS,
  edgesByName,
  OBJECTIVES,
  parsePromptFile,
  splitTrainTest,
  tokenizePrompts,
} from '@auto-circuit/core';
import { optionDefaults } from '@auto-circuit/core/plugin';
import { patchDescription } from '@auto-circuit/core/run';
import { rocArea, rocCurve } from '@auto-circuit/metrics';
import { loadModel } from '@auto-circuit/models';
import { pruneAlgosPlugin } from '@auto-circuit/prune-algos';
import { tracrReverse, tracrXproportion } from '@auto-circuit/tasks';

const PAGE = fileURLToPath(new URL('../docs/compiled-models.md', import.meta.url));
/** Of a circuit that is known already. */
const NO_SEARCH = ['known-edges', 'adversarial-knockouts'];
const COLUMNS = [tracrReverse, tracrXproportion].flatMap((task) =>
  ['resample', 'zero'].map((ablation) => ({ task, ablation })),
);
/** What is set beside the defaults: a distance that a single number has, too. */
const MSE = { target: 'mse' };
const OPTIONS = {
  acdc: { faithfulness: 'mse', taus: '1e-6,1e-5,1e-4,1e-3,1e-2' },
  'subnetwork-probing': MSE,
  'circuit-probing': MSE,
  'mask-gradient': {},
  'integrated-edge-gradients': { samples: 10 },
  'edge-pruning': { steps: 600 },
};
/** Of these the answers are the run's own objective's, where that is a distance to targets. */
const BY_ANSWERS = ['mask-gradient', 'integrated-edge-gradients'];

async function areaOf({ task, ablation }, algo, backend) {
  const { model } = await loadModel(task.model);
  const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, positions: 6 });
  const file = parsePromptFile(readFileSync(task.data, 'utf8'), task.name);
  const { prompts } = tokenizePrompts(file, null, { bos: false });
  const batches = batchesOf(splitTrainTest(prompts, { train: task.train, seed: 0 }).train, 128);
  const patchable = await createPatchableModel({ model, graph, backend });
  const patch = await patchDescription(patchable, { ablation, ablateFrom: 'corrupt' }, batches);
  const mse = task.objective === 'mse' && BY_ANSWERS.includes(algo.name) ? { answers: 'mse' } : {};
  try {
    const { scores } = await algo.score(
      {
        ...{ model: patchable, graph, batches, patch, seed: 0 },
        objective: OBJECTIVES[task.objective].objective,
        progress: { report: () => undefined },
      },
      { ...optionDefaults(algo.options), ...OPTIONS[algo.name], ...mse },
    );
    const known = task.officialCircuits[ablation].edges(graph, {}).flatMap((name) => edgesByName(graph, name));
    return rocArea(rocCurve(graph, scores, known)).toFixed(3);
  } finally {
    await patchable.dispose();
  }
}

const asked = process.argv.slice(2);
const algos = pruneAlgosPlugin.contributes.filter(
  ({ name }) => !NO_SEARCH.includes(name) && (asked.length === 0 || asked.includes(name)),
);
const lines = [];
const backend = await onnxBackend();
for (const algo of algos) {
  const started = performance.now();
  const areas = [];
  for (const column of COLUMNS) {
    areas.push(await areaOf(column, algo, backend).catch((error) => `– (${error.message})`));
  }
  lines.push(`| \`${algo.name}\` | ${areas.join(' | ')} |`);
  console.log(`${lines.at(-1)} ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
await backend.dispose();
if (asked.length === 0) {
  const page = readFileSync(PAGE, 'utf8');
  const [before, rest] = page.split('<!-- areas: scripts/compiled-models.mjs -->\n');
  const [, after] = rest.split('<!-- end of areas -->\n');
  const head = [
    '| algorithm | reverse, resample | reverse, zero | xproportion, resample | xproportion, zero |',
    '|---|---|---|---|---|',
  ];
  const table = [...head, ...lines].join('\n');
  writeFileSync(
    PAGE,
    `${before}<!-- areas: scripts/compiled-models.mjs -->\n${table}\n<!-- end of areas -->\n${after}`,
  );
}
