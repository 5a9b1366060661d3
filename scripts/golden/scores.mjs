/** @file Prune scores: our algorithms against the reference's, in its conventions (sums over batches of batch means; n + 1 points). */
import { pruneAlgosPlugin } from '@auto-circuit/prune-algos';
import { optionDefaults } from '@auto-circuit/core';
import { checkAcdc } from './acdc.mjs';
import { differs, skipped, tensorOutcome } from './compare.mjs';
import { patchFor } from './patched.mjs';
import { checkCircuitProbing } from './training.mjs';

const algo = (name) => {
  const found = pruneAlgosPlugin.contributes.find((c) => c.name === name);
  if (!found) throw new Error(`no algorithm ${name}`);
  return found;
};
const TOKEN_FUNCTIONS = { logit: 'logit', prob: 'prob', logprob: 'logprob', logit_exp: 'logit-exp' };
const ANSWERS = { avg_diff: 'diff', avg_val: 'value', mse: 'mse' };
const NOT_YET = { ground_truth: 'the official circuit' };

/** Algorithms with checks of their own. */
const OWN_CHECKS = { acdc: checkAcdc, circuit_probing: checkCircuitProbing };

/** A record's algorithm → ours with options, and what a mean of ours is multiplied by to get its sums. */
const ALGORITHMS = {
  mask_gradient(settings) {
    const common = { tokenFunction: TOKEN_FUNCTIONS[settings.grad_function], answers: ANSWERS[settings.answer_function] };
    if (settings.integrated_grad_samples !== null && settings.integrated_grad_samples !== undefined) {
      return { name: 'integrated-edge-gradients', options: { ...common, samples: settings.integrated_grad_samples }, times: settings.integrated_grad_samples + 1 };
    }
    return { name: 'mask-gradient', options: { ...common, mask: settings.mask_val }, times: 1 };
  },
  edge_attribution_patching: (settings) => ({ name: 'mask-gradient', options: { tokenFunction: 'logit', answers: settings.answer_diff ? 'diff' : 'value', mask: 0 }, times: 1, sumPositions: true }),
  activation_magnitude: () => ({ name: 'activation-magnitude', options: {}, times: null }),
};

export async function* checkScores(context, record) {
  const { golden, batches, patchable } = context;
  const { settings } = record;
  const kind = settings.algo;
  if (OWN_CHECKS[kind]) return yield* OWN_CHECKS[kind](context, record);
  if (!ALGORITHMS[kind]) return yield skipped(record.id, `${NOT_YET[kind] ?? kind} is not built yet`);
  if (kind === 'activation_magnitude') {
    if (record.id.startsWith('unfact')) return yield differs(record.id, 'in the residual graph the reference takes the first sources instead of each module\'s own');
    if (golden.expected.weight_processing?.center_writing_weights) return yield differs(record.id, 'the mean of a centred activation is rounding noise');
  }
  const model = await patchable(record.id.split('/')[0]);
  const { name, options, times, sumPositions = false } = ALGORITHMS[kind](settings);
  const scores = options.answers === 'mse' ? await mseScores(context, model, settings) : await algorithmScores(context, model, record, name, options);
  const factor = times === null ? 1 : times * batches.length;
  const expected = golden.tensors(record.id);
  const modules = Object.keys(expected);
  const positions = model.graph.options.positions ?? 1;
  const ours = modules.flatMap((module) => {
    const data = Array.from(scores[module].data, (x) => x * factor);
    return sumPositions ? summedOverPositions(data, positions) : data;
  });
  const theirs = modules.flatMap((module) => Array.from(expected[module].data));
  yield tensorOutcome(record.id, ours, theirs, record.atol);
}

async function algorithmScores(context, model, { settings }, name, options) {
  const chosen = algo(name);
  const patch = await patchFor(context, model, settings.ablation ?? 'resample', settings.clean_corrupt ?? 'corrupt');
  const result = await chosen.score(
    { model, graph: model.graph, batches: context.batches, objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' }, patch, seed: 0, progress: { report() {} } },
    { ...optionDefaults(chosen.options), ...options },
  );
  return result.scores;
}

/** Dense targets are for library use only: the mean over prompts straight from the engine. */
async function mseScores(context, model, settings) {
  const { golden, batches, prompts } = context;
  const { shape, data } = golden.tensors('mse_targets')[''];
  const patch = await patchFor(context, model, settings.ablation, settings.clean_corrupt);
  const sums = {};
  for (const batch of batches) {
    const first = batch.prompts[0].index;
    const width = shape[1];
    const targets = { dtype: 'float', shape: [batch.prompts.length, width], data: data.slice(first * width, (first + batch.prompts.length) * width) };
    const objective = { kind: 'mse', tokenFunction: TOKEN_FUNCTIONS[settings.grad_function].replace('logit-exp', 'logitExp'), targets };
    const gradients = await model.maskGradient(batch, { input: 'clean', patch, mask: settings.mask_val, objective });
    for (const [module, tensor] of Object.entries(gradients.tensors)) {
      const size = tensor.data.length / batch.prompts.length;
      sums[module] ??= { data: new Float64Array(size) };
      tensor.data.forEach((x, i) => {
        sums[module].data[i % size] += x / prompts.length;
      });
    }
  }
  return sums;
}

/** The reference's slow attribution gives every position the sum over all of them. */
function summedOverPositions(data, positions) {
  const size = data.length / positions;
  return data.map((_, i) => {
    let sum = 0;
    for (let p = 0; p < positions; p++) sum += data[p * size + (i % size)];
    return sum;
  });
}
