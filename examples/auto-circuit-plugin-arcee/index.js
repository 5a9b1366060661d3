import { defineArchitecture, definePlugin } from '@auto-circuit/core/plugin';
import {
  activationNamed,
  addHeads,
  causalAttention,
  layouts,
  llamaRecipe,
  loadWeights,
  plainMlp,
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
  name: 'arcee',
  modelTypes: ['arcee'],
  // the keys are Llama's, with other defaults
  readConfig: (config, source) =>
    llamaRecipe.readConfig({ hidden_act: 'relu2', rms_norm_eps: 1e-5, ...config, model_type: 'llama' }, source),
  rules(config, raw) {
    const { layers, dModel, dMlp } = llamaRecipe.sizes(config);
    // Llama's MLP has a gate, this one has none
    const rules = llamaRecipe.rules(config, raw).filter(({ name }) => !name.includes('.mlp.'));
    for (let l = 0; l < layers; l++) {
      for (const [name, from, read, written] of [
        ['in', 'up', dModel, dMlp],
        ['out', 'down', dMlp, dModel],
      ]) {
        const projection = `model.layers.${l}.mlp.${from}_proj`;
        const weight = layouts.transposed(`${projection}.weight`, [written, read]);
        rules.push({ name: `L${l}.mlp.${name}.W`, shape: [read, written], from: weight });
        if (!config.mlp_bias) continue;
        const bias = layouts.asIs(`${projection}.bias`, [written]);
        rules.push({ name: `L${l}.mlp.${name}.b`, shape: [written], from: bias });
      }
    }
    return rules;
  },
};

// 2. The trace: the forward pass, written once, with its patch points.
function trace(shape, has, points) {
  const { builder: b } = points;
  const { dModel, dHead, vocabulary, positions } = shape;
  const norm = (name) => rmsNormNamed(points, has, shape, name);
  const cos = points.weight('rope.cos', [positions, dHead / 2]);
  const sin = points.weight('rope.sin', [positions, dHead / 2]);
  const embedded = b.gather(points.weight('embed.W', [vocabulary, dModel]), points.input, 0); // [batch, pos, dModel]

  return traceBlocks(points, shape, embedded, {
    attention(l, residual) {
      const site = `L${l}.attn`;
      const { q, k, v } = readHeads(points, has, shape, site, residual, norm(`L${l}.ln1`)); // [kvHeads, heads per KV head, batch, pos, dHead]
      const rotated = (x) => rotate(points, x, cos, sin);
      const z = causalAttention(points, rotated(q), rotated(k), v, site); // [heads, batch, pos, dHead]
      return addHeads(points, site, residual, z, shape, has(`${site}.o.b`));
    },
    mlp(l, residual) {
      const site = `L${l}.mlp`;
      const x = points.into(site, residual, norm(`L${l}.ln2`)).mlp; // [1, batch, pos, dModel]
      return b.add(residual, points.outOf(site, plainMlp(points, shape, site, x, has)));
    },
  });
}

const unembed = (shape, has, points, residual) =>
  unembedTokens(points, has, residual, rmsNormNamed(points, has, shape, 'final.ln'), shape);

// 3. The entry: from a folder to a model.
export const arcee = defineArchitecture({
  name: 'arcee',
  doc: 'Arcee (AFM): Llama with a squared ReLU in place of a gated MLP',
  modelTypes: recipe.modelTypes,
  async load({ name, folder, process, ...settings }) {
    const { config, sizes, processing, store } = await loadWeights(folder, recipe, process, settings);
    const shape = { ...sizes, epsilon: config.rms_norm_eps, activation: activationNamed(config.hidden_act) };
    return tokenModel({
      ...{ name, shape, processing, weights: store },
      trace: (has, points) => trace(shape, has, points),
      unembed: (has, points, residual) => unembed(shape, has, points, residual),
    });
  },
});
export default definePlugin({ name: 'auto-circuit-plugin-arcee', contributes: [arcee] });
