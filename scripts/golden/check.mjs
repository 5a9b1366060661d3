/** @file Runs every record of a case through the check of its kind. A total table: an unknown kind is a failure. */
import { buildGraph, createPatchableModel } from '@auto-circuit/core';
import { differs } from './by-design.mjs';
import { checkCircuits, checkEdgeCounts } from './circuits.mjs';
import { graphOptions } from './case.mjs';
import { skipped, tensorOutcome } from './compare.mjs';
import { checkAuc, checkCompleteness, checkRoc, checkSimilarity } from './curves.mjs';
import { checkGraph } from './graphs.mjs';
import { checkHiddenStates } from './hidden-states.mjs';
import { openBackend, openModel } from './model.mjs';
import { checkPatchedLogits, checkSourceOutputs } from './patched.mjs';
import { checkData, promptsOf, refusal } from './prompts.mjs';
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
      const refused = refusal(context, record);
      if (refused) {
        yield refused;
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
  const prompts = promptsOf(golden, raw.tokenizer);
  const models = new Map();
  const patchable = async (variant, which = 'processed') => {
    const key = `${variant} ${which}`;
    if (!models.has(key)) {
      const { model } = which === 'raw' ? raw : processed;
      const { tail } = prompts;
      const length = golden.expected.prompts.seq_len + (tail ? tail.from : 0);
      const graph = buildGraph(model.spec.layout, graphOptions(variant, length));
      models.set(key, await createPatchableModel({ model, graph, backend }));
    }
    return models.get(key);
  };
  return {
    golden,
    raw,
    processed,
    ...prompts,
    patchable,
    async dispose() {
      for (const model of models.values()) await model.dispose();
      await backend.dispose();
    },
  };
}

async function* checkPlainLogits({ patchable, golden, prompts, tail, padded, strangers }, record) {
  const variant = Object.keys(golden.expected.graphs ?? {})[0] ?? 'sep';
  const model = await patchable(variant.replace('_pos', ''), record.kind === 'hf_logits' ? 'raw' : 'processed');
  const expected = golden.tensors(record.id)[''];
  const positions = record.tensor.axes.includes('position') ? 'all' : 'last';
  const side = record.settings.input;
  const row = expected.data.length / prompts.length;
  const ours = [];
  const theirs = [];
  const left = (prompt) => padded.has(prompt.index) || strangers.has(prompt.index);
  for (const [i, prompt] of prompts.entries()) {
    if (left(prompt)) continue;
    const tokens = prompt[side];
    const input = Array.isArray(tokens[0])
      ? { dtype: 'float', shape: [1, tokens.length, tokens[0].length], data: Float32Array.from(tokens.flat()) }
      : { dtype: 'int', shape: [1, tokens.length], data: Int32Array.from(tokens) };
    const { data } = await model.run(input, positions);
    ours.push(...data.subarray(tail && positions === 'all' ? tail.from * model.outputSize : 0));
    theirs.push(...expected.data.subarray(i * row, (i + 1) * row));
  }
  yield tensorOutcome(record.id, ours, theirs, record.atol);
  const rest = prompts.filter(left).length;
  if (rest > 0) yield differs(`${record.id}/${rest} of ${prompts.length} prompts`, padded.size > 0 ? 'padding' : 'prefixes');
}
