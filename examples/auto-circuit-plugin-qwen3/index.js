/**
 * @file A plugin for AutoCircuit that brings a model family: Qwen 3. It is Llama with a norm on queries and keys, so its recipe
 * begins from Llama's; the trace is written whole. docs/add-an-architecture.md walks through it.
 */
import { defineArchitecture, definePlugin, normed } from '@auto-circuit/core/plugin';
import {
  activationNamed,
  causalAttention,
  gatedMlp,
  layouts,
  llamaRecipe,
  loadWeights,
  readHeads,
  rmsNormNamed,
  rotate,
  tokenModel,
  unembedTokens,
} from '@auto-circuit/models';

// 1. The recipe: which keys of config.json matter, and which raw tensor becomes which canonical one.
const recipe = {
  ...llamaRecipe,
  name: 'qwen3',
  modelTypes: ['qwen3'],
  // Qwen 3 reads its windows as Qwen 2 does
  readConfig: (config, source) => llamaRecipe.readConfig({ head_dim: 128, ...config, model_type: 'qwen2' }, source),
  rules(config, raw) {
    const { layers, dHead } = llamaRecipe.sizes(config);
    const rules = [...llamaRecipe.rules(config, raw)];
    for (let l = 0; l < layers; l++) {
      for (const input of ['q', 'k']) {
        const from = `model.layers.${l}.self_attn.${input}_norm.weight`;
        rules.push({ name: `L${l}.attn.${input}.norm.w`, shape: [dHead], from: layouts.asIs(from, [dHead]) });
      }
    }
    return rules;
  },
};

// 2. The trace: the forward pass, written once, with its patch points.
function trace(shape, has, points) {
  const { builder: b } = points;
  const { layers, heads, dModel, dHead, vocabulary, positions, windows } = shape;
  const [batch, pos] = points.input.shape; // tokens [batch, pos]
  const norm = (name, size = dModel) => rmsNormNamed(points, has, { ...shape, dModel: size }, name);
  const cos = points.weight('rope.cos', [positions, dHead]);
  const sin = points.weight('rope.sin', [positions, dHead]);
  const embedded = b.gather(points.weight('embed.W', [vocabulary, dModel]), points.input, 0); // [batch, pos, dModel]
  let residual = points.outOf('start', embedded);

  for (let l = 0; l < layers; l++) {
    const attn = `L${l}.attn`;
    const { q, k, v } = readHeads(points, has, shape, attn, residual, norm(`L${l}.ln1`)); // [kvHeads, heads per KV head, batch, pos, dHead]
    const turned = (x, input) => rotate(points, normed(b, x, norm(`${attn}.${input}.norm`, dHead)), cos, sin);
    const z = causalAttention(points, turned(q, 'q'), turned(k, 'k'), v, attn, { window: windows[l] }); // [heads, batch, pos, dHead]
    residual = b.add(residual, points.outOf(attn, z, points.weight(`${attn}.o.W`, [heads, dHead, dModel])));
    residual = points.stream(`L${l}.mid`, residual);

    const x = points.into(`L${l}.mlp`, residual, norm(`L${l}.ln2`)).mlp; // [1, batch, pos, dModel]
    residual = b.add(residual, points.outOf(`L${l}.mlp`, gatedMlp(points, shape, `L${l}.mlp`, x)));
    residual = points.stream(`L${l}.post`, residual);
  }
  return b.reshape(points.into('end', residual).end, [batch, pos, dModel]);
}

const unembed = (shape, has, points, residual) =>
  unembedTokens(points, has, residual, rmsNormNamed(points, has, shape, 'final.ln'), shape);

// 3. The entry: from a folder to a model.
export const qwen3 = defineArchitecture({
  name: 'qwen3',
  doc: 'Qwen 3: Llama with a norm on queries and keys',
  modelTypes: recipe.modelTypes,
  async load({ name, folder, process, onWarning }) {
    const { config, sizes, processing, store } = await loadWeights(folder, recipe, process, { onWarning });
    const { layers, heads, kvHeads, dModel, vocabulary, positions } = sizes;
    const { windows, rms_norm_eps: epsilon, hidden_act } = config;
    const shape = { ...sizes, windows, epsilon, activation: activationNamed(hidden_act) };
    return tokenModel({
      name,
      layout: { layers, heads, kvHeads, dModel, mlp: true, parallel: false },
      ...{ vocabulary, positions, processing, weights: store },
      trace: (has, points) => trace(shape, has, points),
      unembed: (has, points, residual) => unembed(shape, has, points, residual),
    });
  },
});
export default definePlugin({ name: 'auto-circuit-plugin-qwen3', contributes: [qwen3] });
