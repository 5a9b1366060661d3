/**
 * @file A plugin for AutoCircuit that brings a model family: Qwen 3. It is Llama with a norm on queries and keys, so its recipe
 * begins with Llama's; the trace is written whole. docs/add-an-architecture.md walks through it.
 */
import { defineArchitecture, definePlugin, normed } from '@auto-circuit/core/plugin';
import {
  activationNamed,
  addHeads,
  causalAttention,
  gatedMlp,
  layouts,
  llamaRecipe,
  loadWeights,
  readHeads,
  rmsNormNamed,
  rotate,
  tokenModel,
  traceBlocks,
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
  const { dModel, dHead, vocabulary, positions, windows } = shape;
  const norm = (name, size = dModel) => rmsNormNamed(points, has, { ...shape, dModel: size }, name);
  const cos = points.weight('rope.cos', [positions, dHead]);
  const sin = points.weight('rope.sin', [positions, dHead]);
  const embedded = b.gather(points.weight('embed.W', [vocabulary, dModel]), points.input, 0); // [batch, pos, dModel]

  return traceBlocks(points, shape, embedded, {
    attention(l, residual) {
      const site = `L${l}.attn`;
      const { q, k, v } = readHeads(points, has, shape, site, residual, norm(`L${l}.ln1`)); // [kvHeads, heads per KV head, batch, pos, dHead]
      const rotated = (x, input) => rotate(points, normed(b, x, norm(`${site}.${input}.norm`, dHead)), cos, sin);
      const z = causalAttention(points, rotated(q, 'q'), rotated(k, 'k'), v, site, { window: windows[l] }); // [heads, batch, pos, dHead]
      return addHeads(points, site, residual, z, shape, false);
    },
    mlp(l, residual) {
      const site = `L${l}.mlp`;
      const x = points.into(site, residual, norm(`L${l}.ln2`)).mlp; // [1, batch, pos, dModel]
      return b.add(residual, points.outOf(site, gatedMlp(points, shape, site, x)));
    },
  });
}

const unembed = (shape, has, points, residual) =>
  unembedTokens(points, has, residual, rmsNormNamed(points, has, shape, 'final.ln'), shape);

// 3. The entry: from a folder to a model.
export const qwen3 = defineArchitecture({
  name: 'qwen3',
  doc: 'Qwen 3: Llama with a norm on queries and keys',
  modelTypes: recipe.modelTypes,
  async load({ name, folder, process, ...settings }) {
    const { config, sizes, processing, store } = await loadWeights(folder, recipe, process, settings);
    const { windows, rms_norm_eps: epsilon, hidden_act } = config;
    const shape = { ...sizes, windows, epsilon, activation: activationNamed(hidden_act) };
    return tokenModel({
      ...{ name, shape, processing, weights: store },
      trace: (has, points) => trace(shape, has, points),
      unembed: (has, points, residual) => unembed(shape, has, points, residual),
    });
  },
});
export default definePlugin({ name: 'auto-circuit-plugin-qwen3', contributes: [qwen3] });
