/** @file Runs every record of a case through the check of its kind. A total table: an unknown kind is a failure. */
import { batchesOf, buildGraph, createPatchableModel, tokenizePrompts } from '@auto-circuit/core';
import { checkCircuits, checkEdgeCounts } from './circuits.mjs';
import { graphOptions } from './case.mjs';
import { checkAuc, checkCompleteness, checkRoc, checkSimilarity } from './curves.mjs';
import { exactOutcome, skipped, tensorOutcome } from './compare.mjs';
import { checkGraph } from './graphs.mjs';
import { openBackend, openModel } from './model.mjs';
import { checkPatchedLogits, checkSourceOutputs } from './patched.mjs';
import { checkScores } from './scores.mjs';
import { checkTraining } from './training.mjs';
import { checkWeights } from './weights.mjs';

const KINDS = {
  input: async function* () {},
  hf_logits: checkPlainLogits,
  logits: checkPlainLogits,
  hf_hidden_states: checkHiddenStates,
  weights: checkWeights,
  data: checkData,
  src_outs: checkSourceOutputs,
  patched_logits: checkPatchedLogits,
  prune_scores: checkScores,
  circuits: checkCircuits,
  edge_counts: checkEdgeCounts,
  training: checkTraining,
  roc: checkRoc,
  auc: checkAuc,
  similarity: checkSimilarity,
  completeness: checkCompleteness,
};

export async function* checkCase(golden, { backend: backendName, only, verbose }) {
  const context = await openCase(golden, backendName, verbose);
  if (context.unsupported) {
    yield skipped('*', context.unsupported);
    return;
  }
  try {
    if (!only || only === 'graph') for (const variant of Object.keys(golden.expected.graphs ?? {})) yield* checkGraph(context, variant);
    for (const record of golden.expected.records) {
      if (only && record.kind !== only) continue;
      const check = KINDS[record.kind];
      if (!check) {
        yield { outcome: 'failed', name: record.id, detail: `no check for records of kind ${record.kind}` };
        continue;
      }
      if (record.fragile) {
        yield skipped(record.id, 'fragile: hangs on a tie, float32 and float64 may decide differently');
        continue;
      }
      if (context.tail && !['data', 'logits', 'hf_logits', 'input', 'weights'].includes(record.kind)) {
        yield skipped(record.id, 'a shared prefix run once through a key-value cache is not built yet');
        continue;
      }
      try {
        yield* check(context, record);
      } catch (error) {
        yield { outcome: 'failed', name: record.id, detail: verbose ? error.stack : String(error.message) };
      }
    }
  } finally {
    await context.dispose();
  }
}

async function openCase(golden, backendName) {
  const raw = await openModel(golden, 'none');
  if (raw.unsupported) return raw;
  const backend = await openBackend(backendName);
  const flags = golden.expected.weight_processing;
  const process = flags === 'none' || !Object.values(flags).some(Boolean) ? 'none' : 'all';
  const processed = process === 'none' ? raw : await openModel(golden, 'all');
  const tail = /_tail$/.test(golden.name);
  const settings = golden.records.get('data')?.settings;
  const { prompts } = tokenizePrompts(golden.promptFile, raw.tokenizer, { bos: settings?.prepend_bos ?? false });
  const models = new Map();
  const patchable = async (variant, which = 'processed') => {
    const key = `${variant} ${which}`;
    if (!models.has(key)) {
      const { model } = which === 'raw' ? raw : processed;
      const graph = buildGraph(model.spec.layout, graphOptions(variant, golden.expected.prompts.seq_len));
      models.set(key, await createPatchableModel({ model, graph, backend }));
    }
    return models.get(key);
  };
  const loaderOrder = orderOf(golden, prompts);
  return {
    golden,
    raw,
    processed,
    prompts: loaderOrder,
    batches: loaderOrder && !tail ? batchesOf(loaderOrder, golden.expected.prompts.batch_size) : [],
    tail,
    patchable,
    async dispose() {
      for (const model of models.values()) await model.dispose();
      await backend.dispose();
    },
  };
}

/** Text cases were shuffled by the reference: the record `data` says in which order its batches came. */
function orderOf(golden, prompts) {
  if (!golden.records.has('data') || /_tail|_padded/.test(golden.name)) return prompts;
  const tensors = golden.tensors('data');
  const clean = tensors.clean ?? tensors['data/clean'];
  const [n, length] = clean.shape;
  const byTokens = new Map(prompts.map((prompt) => [prompt.clean.join(), prompt]));
  return Array.from({ length: n }, (_, i) => {
    const row = Array.from(clean.data.slice(i * length, (i + 1) * length), Number);
    const found = byTokens.get(row.join());
    if (!found) throw new Error(`no prompt of ${golden.name} has the tokens of row ${i} of the record data`);
    return { ...found, index: i };
  });
}

async function* checkPlainLogits({ patchable, golden, prompts, tail }, record) {
  if (tail) return yield skipped(record.id, 'a shared prefix run once through a key-value cache is not built yet');
  const variant = Object.keys(golden.expected.graphs ?? {})[0] ?? 'sep';
  const model = await patchable(variant.replace('_pos', ''), record.kind === 'hf_logits' ? 'raw' : 'processed');
  const expected = golden.tensors(record.id)[''];
  const positions = record.tensor.axes.includes('position') ? 'all' : 'last';
  const side = record.settings.input;
  const rows = [];
  for (const prompt of prompts) {
    const tokens = prompt[side];
    const input = Array.isArray(tokens[0])
      ? { dtype: 'float', shape: [1, tokens.length, tokens[0].length], data: Float32Array.from(tokens.flat()) }
      : { dtype: 'int', shape: [1, tokens.length], data: Int32Array.from(tokens) };
    rows.push((await model.run(input, positions)).data);
  }
  yield tensorOutcome(record.id, rows.flatMap((row) => [...row]), expected.data, record.atol);
}

/** Hidden states are the sources `Resid Start` and `Resid Post l` of the residual graph; the last one is after the final norm. */
async function* checkHiddenStates({ golden, patchable, prompts, raw }, record) {
  if (raw.model.spec.layout.parallel) return yield skipped(record.id, 'parallel models have no residual graph');
  const model = await patchable('unfact', 'raw');
  const expected = golden.tensors(record.id)[''];
  const [layers, n, length, dModel] = expected.shape;
  const side = record.settings.input;
  const [batch] = batchesOf(prompts, prompts.length);
  const outputs = await model.sourceOutputs(batch, side); // [sources, prompts, pos, dModel]
  const slab = n * length * dModel;
  const ours = [];
  for (let layer = 0; layer < layers - 1; layer++) {
    const name = layer === 0 ? 'Resid Start' : `Resid Post ${layer - 1}`;
    const { index } = model.graph.sources.find((source) => source.name === name);
    ours.push(...outputs.data.subarray(index * slab, (index + 1) * slab));
  }
  yield tensorOutcome(`${record.id} (up to the last block)`, ours, expected.data.slice(0, (layers - 1) * slab), record.atol);
}

async function* checkData({ golden, prompts, tail }, record) {
  if (record.id !== 'data') return yield skipped(record.id, 'a shared prefix run once through a key-value cache is not built yet');
  if (tail) return yield skipped(record.id, 'a shared prefix run once through a key-value cache is not built yet');
  const tensors = golden.tensors('data');
  for (const side of ['clean', 'corrupt']) {
    yield exactOutcome(`data/${side}`, prompts.flatMap((prompt) => prompt[side]), Array.from(tensors[side].data, Number));
  }
}
