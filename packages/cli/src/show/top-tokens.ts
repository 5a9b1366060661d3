/** @file The largest outputs of one position, with their texts and probabilities. */
import type { LoadedModel } from '../open/open-model.js';
import { formatText } from '../terminal/numbers.js';

type Tokenizer = LoadedModel['tokenizer'];

/** A token's place in the output of one position. */
export interface OutputToken {
  readonly id: number;
  /** The token's text; its number where there is no tokenizer. */
  readonly text: string;
  readonly logit: number;
  readonly probability: number;
  /** 1 for the largest. */
  readonly rank: number;
}

/** The `count` largest logits, largest first; equal ones by id. `row` [outputSize]. */
export function topTokens(row: Float32Array, count: number, tokenizer: Tokenizer): OutputToken[] {
  const ids = Array.from(row.keys()).sort((a, b) => row[b]! - row[a]! || a - b);
  const logTotal = logSum(row);
  return ids.slice(0, count).map((id, i) => outputToken(row, id, i + 1, logTotal, tokenizer));
}

/** One token's place in the output. */
export function tokenInOutput(row: Float32Array, id: number, tokenizer: Tokenizer): OutputToken {
  const logit = row[id]!;
  let rank = 1;
  for (let other = 0; other < row.length; other++) {
    if (row[other]! > logit || (row[other] === logit && other < id)) rank++;
  }
  return outputToken(row, id, rank, logSum(row), tokenizer);
}

/** A token's text; `#50300` for an output that is no token (padding of the vocabulary), its number without a tokenizer. */
export function tokenText(id: number, tokenizer: Tokenizer): string {
  if (tokenizer === null) return `${id}`;
  return id < tokenizer.size ? tokenizer.tokenText(id) : `#${id}`;
}

/** A token's text for the terminal: `" Mary"`, `"\n"`; a bare number where there is no tokenizer. */
export function shownText(text: string, tokenizer: Tokenizer): string {
  return tokenizer === null ? text : formatText(text, 24);
}

function outputToken(row: Float32Array, id: number, rank: number, logTotal: number, tokenizer: Tokenizer): OutputToken {
  const logit = row[id]!;
  return { id, text: tokenText(id, tokenizer), logit, probability: Math.exp(logit - logTotal), rank };
}

function logSum(row: Float32Array): number {
  const most = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return most + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
}
