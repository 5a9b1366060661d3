/**
 * @file Spans: token positions by their role in a prompt (the subject, the verb, the end). Edges for each span are edges for each
 * role, so prompts of several lengths have one graph.
 *
 * @example
 * const spans = { names: ['subject', 'verb', 'end'], of: ({ clean }) => clean.map((_, i) => (i < 2 ? 'subject' : i < 4 ? 'verb' : 'end')) };
 */
import { AutoCircuitError } from '../errors/error.js';
import type { Prompt, PromptBatch } from '../prompts/types.js';

/** The roles of token positions, and which role each token of a prompt has. */
export interface Spans {
  /** In the order in which they stand in prompts. An edge of the `k`-th ends in `@k`. */
  readonly names: readonly string[];
  /** The name of each token's span, for the prompt's tokens in order; a prompt need not have every span. */
  of(prompt: Prompt): readonly string[];
}

/** @throws AutoCircuitError `invalid-option` for no names, or two that are equal */
function checkSpanNames({ names }: Spans): void {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (names.length > 0 && twice === undefined) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    where: 'spans',
    what: twice === undefined ? 'there are no spans' : `two spans are named "${twice}"`,
    expected: 'one name or more, no two the same',
    got: names.join(', '),
    fields: { option: 'spans', got: [...names] },
  });
}

/**
 * The prompts, each with the number of the span that each token is in.
 * @throws AutoCircuitError `invalid-option` for names that are missing or equal, `invalid-prompt` where a span is unknown, out of
 *   order, or missing for some token
 */
export function withSpans(prompts: readonly Prompt[], spans: Spans): Prompt[] {
  checkSpanNames(spans);
  return prompts.map((prompt) => ({ ...prompt, spans: spansOfPrompt(spans, prompt) }));
}

function spansOfPrompt(spans: Spans, prompt: Prompt): readonly number[] {
  const given = spans.of(prompt);
  if (given.length !== prompt.clean.length)
    throw refused(prompt, `has ${prompt.clean.length} tokens and ${given.length} spans`, 'a span for each token');
  const numbers = given.map((name) => spans.names.indexOf(name));
  const unknown = numbers.indexOf(-1);
  if (unknown >= 0)
    throw refused(prompt, `has the span "${given[unknown]}" at token ${unknown}`, spans.names.join(', '));
  const back = numbers.findIndex((span, i) => i > 0 && span < numbers[i - 1]!);
  if (back < 0) return numbers;
  // what heads move goes to later positions: from a span to itself and to later spans
  const order = `spans in the order of their names: ${spans.names.join(', ')}`;
  throw refused(prompt, `has "${given[back]}" after "${given[back - 1]}"`, order);
}

/**
 * The span numbers of each prompt of a batch; one list where all prompts have the same.
 * @param count how many spans there are
 * @throws AutoCircuitError `invalid-prompt` for a prompt without spans, or with others
 */
export function spansOfBatch(batch: PromptBatch, count: number): readonly (readonly number[])[] {
  const all = batch.prompts.map((prompt) => {
    const { spans } = prompt;
    if (spans?.length === batch.length && spans.every((span) => span >= 0 && span < count)) return spans;
    throw refused(
      prompt,
      spans ? `has spans that do not fit` : 'has no spans',
      `a number below ${count} for each token`,
    );
  });
  const [first] = all;
  return all.every((own) => own.every((span, i) => span === first![i])) ? all.slice(0, 1) : all;
}

const refused = ({ index }: Prompt, what: string, expected: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'invalid-prompt',
    where: 'spans',
    what: `prompt ${index} ${what}`,
    expected,
    fix: 'give every token of the prompt its span',
    fields: { prompt: index },
  });
