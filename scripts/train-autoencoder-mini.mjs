#!/usr/bin/env node
/**
 * @file Trains the shipped sparse autoencoder on an MLP of `ioi-mini` and writes its folder. Needs a build; takes a minute.
 *
 *   node scripts/train-autoencoder-mini.mjs [--layer 0] [--out DIR] [--sentences 3000] [--steps N] [--sparsity X]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { buildGraph, createPatchableModel } from '@auto-circuit/core';
import { writeSafetensors } from '@auto-circuit/core/run';
import { AUTOENCODER_DEFAULTS, loadModel, trainAutoencoder } from '@auto-circuit/models';
import { trainingSentences } from '../datasets/ioi-mini/sentences.mjs';

const { values: flags } = parseArgs({
  options: {
    layer: { type: 'string', default: '0' },
    out: {
      type: 'string',
      default: fileURLToPath(new URL('../packages/models/shipped-data/ioi-mini-sae', import.meta.url)),
    },
    sentences: { type: 'string', default: '3000' },
    steps: { type: 'string', default: String(AUTOENCODER_DEFAULTS.steps) },
    latents: { type: 'string', default: String(AUTOENCODER_DEFAULTS.latents) },
    sparsity: { type: 'string', default: String(AUTOENCODER_DEFAULTS.sparsity) },
  },
});
const layer = Number(flags.layer);

const backend = await onnxBackend({ threads: 1 });
const { model, tokenizer } = await loadModel('ioi-mini');
const { dModel } = model.spec.layout;
const patchable = await createPatchableModel({ model, graph: buildGraph(model.spec.layout), backend });

// Sentences by length: what is run together has one length.
const byLength = new Map();
const sentences = trainingSentences(2);
for (let i = 0; i < Number(flags.sentences); i++) {
  const tokens = tokenizer.encode(sentences.next().value.text, { bos: true });
  byLength.set(tokens.length, [...(byLength.get(tokens.length) ?? []), tokens]);
}
const { index } = patchable.graph.sources.find(({ name }) => name === `MLP ${layer}`);
const parts = [];
for (const [length, group] of byLength) {
  for (let i = 0; i < group.length; i += 64) {
    const prompts = group
      .slice(i, i + 64)
      .map((clean, n) => ({ index: n, clean, corrupt: clean, answers: [0], wrongAnswers: [] }));
    const { data, shape } = await patchable.sourceOutputs({ length, prompts }, 'clean'); // [sources, prompts, pos, dModel]
    const slab = data.length / shape[0];
    parts.push(data.slice(index * slab, (index + 1) * slab));
  }
}
await patchable.dispose();
await backend.dispose();
const rows = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
let at = 0;
for (const part of parts) {
  rows.set(part, at);
  at += part.length;
}
console.log(`${rows.length / dModel} outputs of MLP ${layer}`);

const settings = {
  ...AUTOENCODER_DEFAULTS,
  steps: Number(flags.steps),
  latents: Number(flags.latents),
  sparsity: Number(flags.sparsity),
};
const trained = trainAutoencoder(rows, dModel, settings, ({ step, unexplained, active }) =>
  console.log(`step ${step}  unexplained ${(100 * unexplained).toFixed(1)} %  active ${active.toFixed(1)}`),
);
mkdirSync(flags.out, { recursive: true });
const { latents: n } = settings;
const tensors = {
  W_enc: [trained.encoder, [dModel, n]],
  b_enc: [trained.encoderBias, [n]],
  W_dec: [trained.decoder, [n, dModel]],
  b_dec: [trained.decoderBias, [dModel]],
};
await writeSafetensors(
  join(flags.out, 'sae_weights.safetensors'),
  Object.entries(tensors).map(([name, [data, shape]]) => ({ name, shape, dtype: 'F32', data: () => [data] })),
);
const config = {
  architecture: 'standard',
  d_in: dModel,
  d_sae: n,
  hook_name: `blocks.${layer}.hook_mlp_out`,
  apply_b_dec_to_input: true,
};
writeFileSync(join(flags.out, 'cfg.json'), `${JSON.stringify(config, null, 1)}\n`);
