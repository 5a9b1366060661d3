/** @file Hidden states, the last one through the final norm, and the keys and values of a shared prefix. */
import { batchesOf } from '@auto-circuit/core';
import { tensorOutcome } from './compare.mjs';

export async function* checkHiddenStates(context, record) {
  const { golden, raw, prompts } = context;
  const expected = golden.tensors(record.id)[''];
  const [states, , , dModel] = expected.shape; // [states, prompts, pos, dModel]
  const [batch] = batchesOf(prompts, prompts.length);
  const ours = await residuals(context, 'raw', batch, record.settings.input);
  const last = normed(raw.model.weights, 'final.ln', ours.at(-1), dModel, golden.config);
  const numbers = [...ours.slice(0, states - 1), last].flatMap((state) => [...state]);
  yield tensorOutcome(record.id, numbers, expected.data, record.atol);
}

/**
 * The residual stream before each block and after the last, [prompts · pos · dModel] each: the sum of what sources wrote, and of
 * the attention's output biases, which belong to none.
 */
async function residuals({ patchable, raw, processed }, which, batch, side) {
  const { model: object } = which === 'raw' ? raw : processed;
  const { layout } = object.spec;
  const model = await patchable('sep', which);
  const { shape, data } = await model.sourceOutputs(batch, side); // [sources, prompts, pos, dModel]
  const slab = shape[1] * shape[2] * shape[3];
  const output = ({ index }) => data.subarray(index * slab, (index + 1) * slab);
  const { sources } = model.graph;
  const states = [Float64Array.from(output(sources[0]))];
  for (let layer = 0; layer < layout.layers; layer++) {
    const next = states.at(-1).slice();
    const written = sources.filter(({ name }) => name === `MLP ${layer}` || name.startsWith(`A${layer}.`));
    for (const source of written) output(source).forEach((x, i) => (next[i] += x));
    const bias = biasOf(object.weights, `L${layer}.attn.o.b`, shape[3]);
    states.push(next.map((x, i) => x + bias[i % shape[3]]));
  }
  return states;
}

const biasOf = (weights, name, size) => (weights.names.includes(name) ? weights.read(name) : new Float32Array(size));

/** Layer norm or RMS norm as the config says, with weights and biases where they are not folded away. */
function normed(weights, name, state, dModel, config) {
  const rms = config.rms_norm_eps !== undefined;
  const epsilon = config.rms_norm_eps ?? config.layer_norm_eps ?? config.layer_norm_epsilon ?? 1e-5;
  const scale = weights.names.includes(`${name}.w`) ? weights.read(`${name}.w`) : new Float32Array(dModel).fill(1);
  const shift = biasOf(weights, `${name}.b`, dModel);
  const out = new Float64Array(state.length);
  for (let row = 0; row < state.length; row += dModel) {
    const values = Array.from(state.subarray(row, row + dModel));
    const mean = rms ? 0 : values.reduce((sum, x) => sum + x, 0) / dModel;
    const factor = 1 / Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / dModel + epsilon);
    for (let d = 0; d < dModel; d++) out[row + d] = (values[d] - mean) * factor * scale[d] + shift[d];
  }
  return out;
}

/** Keys and values of the first batch's prefixes: norm of the residual, then W_K and W_V. */
export async function* checkPrefixKeys(context, record) {
  const { golden, processed, batches, tail } = context;
  const { weights, spec } = processed.model;
  const { heads, dModel, layers } = spec.layout;
  const expected = golden.tensors(record.id);
  const [batch] = batches;
  const states = await residuals(context, 'processed', batch, 'clean');
  for (let layer = 0; layer < layers; layer++) {
    const input = normed(weights, `L${layer}.ln1`, states[layer], dModel, golden.config); // [prompts, pos, dModel]
    for (const [name, letter] of [['keys', 'k'], ['values', 'v']]) {
      const { shape, data } = expected[`${name}${layer}`]; // [prompts, prefix, head, dHead]
      const dHead = shape[3];
      const matrix = weights.read(`L${layer}.attn.${letter}.W`); // [heads, dHead, dModel]
      const bias = biasOf(weights, `L${layer}.attn.${letter}.b`, heads * dHead);
      const ours = [];
      for (let prompt = 0; prompt < shape[0]; prompt++) {
        for (let pos = 0; pos < tail.from; pos++) {
          const row = (prompt * batch.length + pos) * dModel;
          for (let e = 0; e < heads * dHead; e++) {
            let sum = bias[e];
            for (let d = 0; d < dModel; d++) sum += input[row + d] * matrix[e * dModel + d];
            ours.push(sum);
          }
        }
      }
      yield tensorOutcome(`${record.id}/${name}${layer}`, ours, data, record.atol);
    }
  }
}
