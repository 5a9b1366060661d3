/** @file Learned masks under noise that is known: parameters after every step, returned scores, curves; circuit probing. */
import { flattenScores } from '@auto-circuit/core';
import { circuitProbingScores, MaskTraining } from '@auto-circuit/prune-algos';
import { differs } from './by-design.mjs';
import { relativeOutcome, tensorOutcome } from './compare.mjs';
import { tensorsOf } from './patched.mjs';

const TARGETS = {
  kl_div: 'kl',
  mse: 'mse',
  answer: 'answer',
  wrong_answer: 'wrong-answer',
  correct_percent: 'percent-correct',
  logit_diff_percent: 'logit-diff-percent',
};
export const MASK_FUNCTIONS = { hard_concrete: 'hard-concrete', sigmoid: 'sigmoid' };

/** The record's settings as ours. The reference patches token-wise means of the corrupt prompts in, always. */
export async function trainingSettings({ golden, batches }, model, settings) {
  const tree = settings.tree_optimisation;
  return {
    patchType: tree ? 'tree' : 'edge',
    input: tree ? 'clean' : 'corrupt',
    patch: await model.meanOf(batches, 'corrupt'),
    // the reference compares with dense answers
    ...(settings.faithfulness_target === 'mse' ? { targets: { dtype: 'float', ...golden.tensors('mse_targets')[''] } } : {}),
    target: TARGETS[settings.faithfulness_target],
    maskFunction: settings.mask_fn ? MASK_FUNCTIONS[settings.mask_fn] : 'none',
    noise: noiseOf(golden, model.graph, settings.uniform),
    learningRate: settings.learning_rate,
    epochs: settings.epochs,
    init: settings.init_val,
    lambda: settings.regularize_lambda,
    size: settings.circuit_size ?? null,
    avoid: settings.avoid_edges ?? [],
    avoidLambda: settings.avoid_lambda ?? 1,
  };
}

export function noiseOf(golden, graph, uniform) {
  const stored = uniform.match(/^(\S+) and (\S+)$/);
  if (!stored) return { forward: (_step, _prompt, _item, out) => out.fill(0.5), regularizer: (_step, out) => out.fill(0.5) };
  const [forward, regularizer] = stored.slice(1).map((id) => golden.tensors(id));
  const fill = (tensors, items, item, out) => {
    let at = 0;
    for (const { module } of graph.destinationBlocks) {
      const { data } = tensors[module];
      const size = data.length / items;
      out.set(data.subarray(item * size, (item + 1) * size), at);
      at += size;
    }
  };
  const items = golden.expected.prompts.batch_size;
  return { forward: (_step, _prompt, item, out) => fill(forward, items, item, out), regularizer: (_step, out) => fill(regularizer, 1, 0, out) };
}

export async function* checkTraining(context, record) {
  const { golden, batches, patchable } = context;
  const model = await patchable(record.id.split('/')[0]);
  const training = await MaskTraining.create(model, batches, await trainingSettings(context, model, record.settings));
  const after = [];
  while (training.done < training.steps) {
    await training.step();
    after.push(training.parameters.slice());
  }
  const expected = golden.tensors(record.id);
  const scores = training.scores();
  const ours = [];
  const theirs = [];
  let start = 0;
  for (const { module } of model.graph.destinationBlocks) {
    const masks = expected[`masks/${module}`];
    const size = masks.data.length / masks.shape[0];
    for (const parameters of after) ours.push(...parameters.subarray(start, start + size));
    theirs.push(...masks.data);
    start += size;
  }
  yield tensorOutcome(`${record.id}/masks`, ours, theirs, record.atol);
  const modules = model.graph.destinationBlocks.map(({ module }) => module);
  yield tensorOutcome(`${record.id}/scores`, modules.flatMap((m) => [...scores[m].data]), modules.flatMap((m) => [...expected[`scores/${m}`].data]), record.atol);
  for (const [name, curve] of Object.entries(record.values)) {
    if (name.startsWith('Val ')) continue; // empty: no validation prompts
    const key = name === 'Loss' ? 'loss' : name === 'Regularization' ? 'regularization' : 'faithfulness';
    yield relativeOutcome(`${record.id}/${name}`, training.curves[key], curve, record.values_rel_tol);
  }
}

export async function* checkCircuitProbing(context, record) {
  const { golden, batches, patchable } = context;
  const model = await patchable(record.id.split('/')[0]);
  const { settings } = record;
  const common = await trainingSettings(context, model, settings);
  const { scores } = await circuitProbingScores(
    { model, graph: model.graph, batches, objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' }, patch: { kind: 'resample', from: 'corrupt' }, progress: { report() {} } },
    { key: [record.id], sizes: settings.circuit_sizes, settings: (size) => ({ ...common, size }) },
  );
  const ours = flattenScores(model.graph, scores);
  const theirs = flattenScores(model.graph, tensorsOf(golden.tensors(record.id)));
  if (!record.fragile) return yield tensorOutcome(record.id, ours, theirs, record.atol);
  const tied = await edgesAtTheCut(model, batches, settings.circuit_sizes, (size) => ({ ...common, size }));
  const sure = (_, edge) => !tied.has(edge);
  yield tensorOutcome(`${record.id}/edges that do not tie`, ours.filter(sure), theirs.filter(sure), AT_THE_CUT);
  yield differs(`${record.id}/${tied.size} of ${ours.length} edges`, 'ties');
}

/** Parameters this near to that of the last edge inside are not told apart by float32. */
const AT_THE_CUT = 1e-5;

/** Edges whose parameter is that of the last edge inside, at one of the sizes. */
async function edgesAtTheCut(model, batches, sizes, settingsOf) {
  const tied = new Set();
  for (const size of sizes) {
    const training = await MaskTraining.create(model, batches, settingsOf(size));
    while (training.done < training.steps) await training.step();
    const trained = flattenScores(model.graph, training.scores());
    const cut = [...trained].sort((a, b) => b - a)[size - 1];
    trained.forEach((x, edge) => {
      if (Math.abs(x - cut) < AT_THE_CUT) tied.add(edge);
    });
  }
  return tied;
}
