/**
 * @file The prompts of a case in the reference's order, whole: the record `data` has what its loader made of them, which may be
 * shuffled, padded on the left, or without a prefix that all share.
 */
import { batchesOf, tokenizePrompts } from '@auto-circuit/core';
import { differs } from './by-design.mjs';
import { exactOutcome } from './compare.mjs';
import { checkPrefixKeys } from './hidden-states.mjs';

/**
 * - `prompts`, `batches`: whole prompts in loader order;
 * - `tail`: null, or {from, length}: where the reference's prompts begin and how long they are;
 * - `strangers`: prompts whose prefix is not the one that the reference's only cache has for their row;
 * - `padded`: prompts that the reference pads.
 */
export function promptsOf(golden, tokenizer) {
  const settings = golden.records.get('data')?.settings;
  const { prompts } = tokenizePrompts(golden.promptFile, tokenizer, { bos: settings?.prepend_bos ?? false });
  const { batch_size: size, seq_len: length } = golden.expected.prompts;
  if (!settings) return { prompts, batches: batchesOf(prompts, size), tail: null, strangers: new Set(), padded: new Set() };
  const ordered = inLoaderOrder(golden, prompts);
  const from = settings.tail_divergence ? ordered[0].clean.length - length : 0;
  const prefix = ({ clean }) => clean.slice(0, from).join();
  const strangers = ordered.filter((prompt, i) => prefix(prompt) !== prefix(ordered[i % size]));
  const width = golden.tensors('data').clean.shape[1];
  return {
    prompts: ordered,
    batches: batchesOf(ordered, size),
    tail: from > 0 ? { from, length } : null,
    strangers: new Set(strangers.map(({ index }) => index)),
    padded: new Set(ordered.filter(({ clean }) => clean.length < width).map(({ index }) => index)),
  };
}

/** Finds each row of the record `data` among the prompts: one is the end of the other; before it a row has padding only. */
function inLoaderOrder(golden, prompts) {
  const { clean, corrupt } = golden.tensors('data');
  const { pad } = golden.records.get('data').values;
  const left = new Set(prompts);
  return rowsOf(clean).map((row, i) => {
    const other = rowsOf(corrupt)[i];
    const found = [...left].find((prompt) => endsAlike(row, prompt.clean, pad) && endsAlike(other, prompt.corrupt, pad));
    if (!found) throw new Error(`no prompt of ${golden.name} has the tokens of row ${i} of the record data`);
    left.delete(found);
    return { ...found, index: i };
  });
}

function rowsOf({ shape: [n, width], data }) {
  return Array.from({ length: n }, (_, i) => Array.from(data.slice(i * width, (i + 1) * width), Number));
}

function endsAlike(row, tokens, pad) {
  const common = Math.min(row.length, tokens.length);
  return row.slice(-common).join() === tokens.slice(-common).join() && row.slice(0, -common).every((id) => id === pad);
}

export async function* checkData(context, record) {
  const { golden, prompts, tail } = context;
  if (record.id === 'data/kv') return yield* checkPrefixKeys(context, record);
  const tensors = golden.tensors(record.id);
  const width = tensors.clean.shape[1];
  const { pad } = record.values;
  for (const side of ['clean', 'corrupt']) {
    const rows = prompts.map((prompt) => {
      const own = tail ? prompt[side].slice(tail.from) : prompt[side];
      return [...Array(Math.max(0, width - own.length)).fill(pad), ...own];
    });
    yield exactOutcome(`${record.id}/${side}`, rows.flat(), Array.from(tensors[side].data, Number));
  }
  for (const [name, key] of [['answers', 'answers'], ['wrong_answers', 'wrongAnswers']]) {
    if (tensors[name]) yield exactOutcome(`${record.id}/${name}`, prompts.flatMap((prompt) => prompt[key]), Array.from(tensors[name].data, Number));
  }
}

/**
 * Why a record cannot be compared number by number, or null. Logits are compared row by row for the prompts that can be.
 */
export function refusal({ strangers, padded }, record) {
  if (['input', 'data', 'logits', 'hf_logits', 'weights', 'roc', 'edge_counts', 'similarity', 'auc'].includes(record.kind)) return null;
  if (record.fragile && record.settings.algo !== 'circuit_probing') return differs(record.id, 'ties');
  if (padded.size > 0) return differs(record.id, 'padding');
  return strangers.size > 0 ? differs(record.id, 'prefixes') : null;
}
