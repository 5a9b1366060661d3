/** @file Spans from a JSON file: for each prompt of a data set, or for all prompts of a length, the span of each token. */
import { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';
import { checkJson, parseJson } from '../files/json-file.js';
import type { Spans } from './spans.js';

const row = z.array(z.string());
const spansFile = z.strictObject({
  /** The names, in the order in which they stand in prompts. */
  spans: z.array(z.string()).min(1),
  /** By the prompt's place in the data set. */
  prompts: z.array(row).optional(),
  /** By number of tokens. */
  lengths: z.record(z.string(), row).optional(),
});
const WHERE = 'spans';

/**
 * Reads a file of spans: `{ "spans": ["subject", "verb"], "prompts": [["subject", "subject", "verb"], …] }`, a row for each
 * prompt of the data set and in it a name for each token (BOS included, where it is put before prompts); or
 * `"lengths": { "15": […] }` in place of `prompts`, a row for all prompts of so many tokens.
 * @param path how the file is called in errors
 * @throws AutoCircuitError `invalid-json`, `invalid-file`; from `of` `invalid-prompt` for a prompt without a row
 */
export function parseSpans(text: string, path: string): Spans {
  const origin = { where: WHERE, path };
  const { spans, prompts, lengths } = checkJson(spansFile, parseJson(text, origin), origin);
  if ((prompts === undefined) === (lengths === undefined))
    throw new AutoCircuitError({
      code: 'invalid-file',
      where: WHERE,
      what: `${path} does not say which tokens are in which span`,
      expected: '"prompts", a row for each prompt, or "lengths", a row for each number of tokens',
      got: prompts ? 'both' : 'neither',
      fields: { path, key: 'prompts' },
    });
  return {
    names: spans,
    of({ index, clean }) {
      const found = prompts ? prompts[index] : lengths![`${clean.length}`];
      if (found) return found;
      throw new AutoCircuitError({
        code: 'invalid-prompt',
        where: WHERE,
        what: `${path} has no spans for prompt ${index}, of ${clean.length} tokens`,
        expected: prompts
          ? `a row ${index} in "prompts", which has ${prompts.length}`
          : `"${clean.length}" in "lengths"`,
        fix: 'add the row, or leave these prompts out',
        fields: { prompt: index },
      });
    },
  };
}
