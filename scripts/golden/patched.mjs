/** @file Patched runs under edge sets, masks and mask functions, and what sources output under every ablation. */
import { hardConcreteMask, maskFromEdges, sigmoidMask } from '@auto-circuit/core/plugin';
import { tensorOutcome } from './compare.mjs';

/** The reference's names of ablations → ours. */
const ABLATIONS = {
  resample: (side) => ({ kind: 'resample', from: side }),
  zero: () => ({ kind: 'zero' }),
  batch_tokenwise_mean: (side) => ({ kind: 'batch-mean', from: side }),
  batch_all_tok_mean: (side) => ({ kind: 'batch-position-mean', from: side }),
  tokenwise_mean_clean: (_side, mean) => mean('clean'),
  tokenwise_mean_corrupt: (_side, mean) => mean('corrupt'),
  tokenwise_mean_clean_and_corrupt: (_side, mean) => mean('both'),
};
export async function patchFor({ batches }, model, ablation, side) {
  return ABLATIONS[ablation](side, (of) => model.meanOf(batches, of));
}

export async function* checkSourceOutputs(context, record) {
  const { golden, batches, patchable, tail } = context;
  const model = await patchable(record.id.split('/')[0]);
  const { ablation, input } = record.settings;
  const expected = golden.tensors(record.id)[''];
  const side = input === 'clean' || input === 'corrupt' ? input : 'corrupt';
  const patch = await patchFor(context, model, ablation, side);
  const perPrompt = record.tensor.axes.includes('prompt');
  const used = perPrompt ? batches : batches.slice(0, 1);
  const outputs = [];
  for (const batch of used) outputs.push(await model.sourceOutputs(batch, patch));
  const [sources, , length, dModel] = outputs[0].shape;
  const slab = length * dModel;
  const ours = [];
  for (let s = 0; s < sources; s++) {
    for (const { shape, data } of outputs) {
      const rows = perPrompt ? shape[1] : 1;
      const first = (tail?.from ?? 0) * dModel;
      for (let r = s * shape[1]; r < s * shape[1] + rows; r++) ours.push(...data.subarray(r * slab + first, (r + 1) * slab));
    }
  }
  yield tensorOutcome(record.id, ours, expected.data, record.atol);
}

export async function* checkPatchedLogits(context, record) {
  const { golden, batches, patchable } = context;
  const [variant] = record.id.split('/');
  const model = await patchable(variant);
  const { settings } = record;
  const expected = golden.tensors(record.id)[''];
  const patch = await patchFor(context, model, settings.ablation, settings.ablation_from);
  const run = async (mask) => {
    const rows = [];
    for (const batch of batches) rows.push(...(await model.patchedRun(batch, { input: settings.input, patch, mask })).data);
    return rows;
  };
  if (settings.edge_sets) {
    const ours = [];
    for (const name of settings.edge_sets) {
      ours.push(...(await run(maskFromEdges(model.graph, golden.expected.edge_sets[variant][name], { inside: settings.mask_value_in_set, outside: settings.mask_value_elsewhere }))));
    }
    yield tensorOutcome(record.id, ours, expected.data, record.atol);
    return;
  }
  yield tensorOutcome(record.id, await run(maskOf(context, model, variant, record)), expected.data, record.atol);
}

function maskOf({ golden, batches }, model, variant, { settings }) {
  if (settings.edge_set) {
    return maskFromEdges(model.graph, golden.expected.edge_sets[variant][settings.edge_set], { inside: settings.mask_value_in_set, outside: settings.mask_value_elsewhere });
  }
  const parameters = { perItem: false, tensors: tensorsOf(golden.tensors(settings.mask)) };
  if (!settings.mask_fn) return parameters;
  if (settings.mask_fn === 'sigmoid') return sigmoidMask(parameters);
  const items = batches[0].prompts.length;
  const stored = golden.records.get(settings.uniform);
  const uniforms = stored
    ? tensorsOf(golden.tensors(settings.uniform))
    : Object.fromEntries(Object.entries(parameters.tensors).map(([module, { shape, data }]) => [module, { dtype: 'float', shape: [items, ...shape], data: new Float64Array(items * data.length).fill(0.5) }]));
  return hardConcreteMask(parameters, uniforms);
}
export const tensorsOf = (tensors) => Object.fromEntries(Object.entries(tensors).map(([name, { shape, data }]) => [name, { dtype: 'float', shape, data }]));
