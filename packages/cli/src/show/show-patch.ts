/** @file What `patch` prints: the largest outputs before and after, at every position read, and what became of the answers. */
import type { Prompt } from '@auto-circuit/core';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { LoadedModel } from '../open/open-model.js';
import { formatCount, formatValue } from '../terminal/numbers.js';
import type { Output } from '../terminal/output.js';
import { writeTable } from '../terminal/table.js';
import { type OutputToken, shownText, tokenInOutput, tokenText, topTokens } from './top-tokens.js';

/** Logits of one pair of prompts at the positions read, [positions][outputSize], the last one being the prompt's last. */
export interface PairOutputs {
  /** Of the prompt that is run, untouched. */
  readonly before: readonly Float32Array[];
  /** Of the other prompt. */
  readonly other: readonly Float32Array[];
  /** Of the prompt that is run, patched. */
  readonly after: readonly Float32Array[];
}

/** What is shown of a pair. */
export interface ShownPatch {
  readonly prompt: Prompt;
  readonly tokenizer: LoadedModel['tokenizer'];
  /** Edges patched, and of the whole graph. */
  readonly patched: number;
  readonly edgeCount: number;
  /** Tokens to show. */
  readonly top: number;
  /** Whether the corrupt prompt is run and the clean one patched in. */
  readonly reverse: boolean;
}

interface Watched {
  readonly role: 'answer' | 'wrong answer';
  readonly id: number;
  readonly text: string;
  readonly before: OutputToken;
  readonly corrupt: OutputToken;
  readonly after: OutputToken;
}

/** As tables, or as one JSON document. */
export function showPatch(output: Output, outputs: PairOutputs, shown: ShownPatch): void {
  const { prompt, tokenizer, patched, edgeCount, top } = shown;
  const [before, other, after] = [outputs.before.at(-1)!, outputs.other.at(-1)!, outputs.after.at(-1)!];
  const tops = { before: topTokens(before, top, tokenizer), after: topTokens(after, top, tokenizer) };
  const { answers, wrongAnswers } = watchedOf(prompt, before, other);
  const watched: readonly Watched[] = [
    ...answers.map((id) => ['answer', id] as const),
    ...wrongAnswers.map((id) => ['wrong answer', id] as const),
  ].map(([role, id]) => ({
    role,
    id,
    text: tokenText(id, tokenizer),
    before: checked(before, id, tokenizer),
    corrupt: checked(other, id, tokenizer),
    after: checked(after, id, tokenizer),
  }));
  const difference = logitDifference(watched);
  const several = outputs.before.length > 1;
  if (output.jsonOnly) {
    output.json({
      edges_patched: patched,
      edges_total: edgeCount,
      top_before: tops.before,
      top_after: tops.after,
      answers: watched,
      ...(difference ? { logit_diff: difference } : {}),
      ...(several
        ? {
            positions: outputs.before.map((row, i) => ({
              position: positionOf(prompt, outputs, i),
              top_before: topTokens(row, top, tokenizer),
              top_after: topTokens(outputs.after[i]!, top, tokenizer),
            })),
          }
        : {}),
    });
    return;
  }
  output.line(`${formatCount(patched)} of ${formatCount(edgeCount)} edges patched\n`);
  if (several) {
    showPositions(output, outputs, shown);
    output.line('\nat the last position');
  }
  const rows = tops.before.map((token, i) => [
    `${i + 1}`,
    ...cells(token, tokenizer),
    ...cells(tops.after[i], tokenizer),
  ]);
  writeTable(output, [right(''), ...TOKEN_COLUMNS], rows);
  if (watched.length === 0) return;
  output.line();
  const change = (value: number): string => `${value > 0 ? '+' : ''}${formatValue(value)}`;
  const row = (name: string, role: string, was: number, is: number, corrupt: number): string[] => [
    ...[name, role, formatValue(was), formatValue(corrupt), formatValue(is), change(is - was)],
  ];
  const [run, patchedIn] = shown.reverse ? ['corrupt', 'clean'] : ['clean', 'corrupt'];
  writeTable(
    output,
    [{ title: 'token' }, { title: '' }, right(`logit ${run}`), right(patchedIn), right('patched'), right('change')],
    [
      ...watched.map((token) =>
        row(shownText(token.text, tokenizer), token.role, token.before.logit, token.after.logit, token.corrupt.logit),
      ),
      ...(difference
        ? [row('logit difference', 'answers − wrong', difference.before, difference.after, difference.corrupt)]
        : []),
    ],
  );
  if (prompt.answers.length + prompt.wrongAnswers.length > 0) return;
  output.line(output.colors.dim('without --answer and --wrong: the likeliest tokens of the two prompts'));
}

/** The tokens that are watched: the prompt's answers, or where it has none, the likeliest token of each prompt, if they differ. */
function watchedOf(
  prompt: Prompt,
  before: Float32Array,
  other: Float32Array,
): Pick<Prompt, 'answers' | 'wrongAnswers'> {
  const { answers, wrongAnswers } = prompt;
  const [answer, wrong] = [before, other].map((row) => row.indexOf(row.reduce((a, b) => Math.max(a, b))));
  if (answers.length + wrongAnswers.length > 0 || answer === wrong) return { answers, wrongAnswers };
  return { answers: [answer!], wrongAnswers: [wrong!] };
}

const right = (title: string) => ({ title, align: 'right' as const });
const TOKEN_COLUMNS = [
  ...[{ title: 'before' }, right('logit'), right('')],
  ...[{ title: 'after' }, right('logit'), right('')],
];

const cells = (token: OutputToken | undefined, tokenizer: ShownPatch['tokenizer']): string[] =>
  token
    ? [shownText(token.text, tokenizer), formatValue(token.logit), `${(100 * token.probability).toFixed(1)} %`]
    : ['', '', ''];

/** The largest output of each position before and after. */
function showPositions(output: Output, outputs: PairOutputs, { prompt, tokenizer }: ShownPatch): void {
  const rows = outputs.before.map((row, i) => {
    const position = positionOf(prompt, outputs, i);
    const token = prompt.clean[position];
    return [
      `${position}`,
      typeof token === 'number' ? shownText(tokenText(token, tokenizer), tokenizer) : '',
      ...cells(topTokens(row, 1, tokenizer)[0], tokenizer),
      ...cells(topTokens(outputs.after[i]!, 1, tokenizer)[0], tokenizer),
    ];
  });
  writeTable(output, [right('position'), { title: 'token' }, ...TOKEN_COLUMNS], rows);
}

/** The position in the prompt of the i-th one read: the last so many are. */
const positionOf = (prompt: Prompt, { before }: PairOutputs, i: number): number =>
  prompt.clean.length - before.length + i;

/** Mean logit of the answers minus that of the wrong answers, in float64; null where a side has none. */
function logitDifference(watched: readonly Watched[]) {
  const side = (role: Watched['role'], run: 'before' | 'after' | 'corrupt'): number => {
    const logits = watched.filter((token) => token.role === role).map((token) => token[run].logit);
    return logits.reduce((sum, logit) => sum + logit, 0) / logits.length;
  };
  const of = (run: 'before' | 'after' | 'corrupt'): number => side('answer', run) - side('wrong answer', run);
  const difference = { before: of('before'), after: of('after'), corrupt: of('corrupt') };
  return Number.isNaN(difference.before) ? null : difference;
}

function checked(row: Float32Array, id: number, tokenizer: ShownPatch['tokenizer']): OutputToken {
  if (Number.isInteger(id) && id >= 0 && id < row.length) return tokenInOutput(row, id, tokenizer);
  throw new AutoCircuitError({
    code: 'token-out-of-range',
    fields: { token: id, size: row.length },
    where: 'patch',
    what: 'an answer is not a token of the model',
    expected: `a whole number below ${row.length}`,
    got: `${id}`,
  });
}
