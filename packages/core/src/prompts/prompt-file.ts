/**
 * @file AutoCircuit's prompt JSON: `{"prompts":[{"clean","corrupt","answers","wrong_answers"}], "seq_labels"?, "word_idxs"?}`.
 * `correct` and `incorrect` are other names of the answers. Prompts are text, token ids, or floats for each position. Where
 * outputs are read at several positions, answers are lists of lists, one for each; `targets` are numbers for each output.
 */
import { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';
import { fileError } from '../files/file-error.js';
import { checkJson, type JsonOrigin, parseJson } from '../files/json-file.js';
import { isParquet, parquetRows } from './parquet-rows.js';
import { type PromptRow, promptRows, recordRows } from './prompt-rows.js';

/** Text, token ids `[pos]`, or features `[pos][features]`. */
export type RawInput = string | readonly number[] | readonly (readonly number[])[];
/** What all prompts of a file are. */
export type PromptKind = 'text' | 'tokens' | 'features';

/** A prompt as the file has it. */
export interface RawPrompt {
  readonly clean: RawInput;
  readonly corrupt: RawInput;
  /** At least one, but for prompts with targets: text of one token each, or ids. */
  readonly answers: readonly (string | number)[];
  /** May be empty. */
  readonly wrongAnswers: readonly (string | number)[];
  /** Where the file has answers for each position read; `answers` are then the last ones. */
  readonly byPosition?: readonly RawSides[];
  /** What the outputs should be, `[positions read][outputs]`. */
  readonly targets?: readonly (readonly number[])[];
}
/** The answers of a prompt, and the wrong ones. */
export type RawSides = Pick<RawPrompt, 'answers' | 'wrongAnswers'>;
/** What a prompt file holds. */
export interface PromptFile {
  readonly path: string;
  readonly kind: PromptKind;
  readonly prompts: readonly RawPrompt[];
  /** A label for each position of the prompts, where they are all alike. */
  readonly seqLabels: readonly string[] | null;
  /** Positions of words, by name; counted without BOS. */
  readonly wordIdxs: Readonly<Record<string, number>>;
  /** How many rows have nothing to patch in, and so are no prompts: of a data set of MIB's. */
  readonly rowsLeftOut?: number;
}

const tokenId = z.int32().nonnegative();
const kinds = {
  text: z.string().min(1),
  tokens: z.array(tokenId).min(1),
  features: z.array(z.array(z.number()).min(1)).min(1),
} satisfies Record<PromptKind, z.ZodType>;
const expecting =
  (expected: string) =>
  (issue: { readonly input?: unknown }): string =>
    `expected ${expected}, got ${describe(issue.input)}`;

const inputSchema = z.union([kinds.text, kinds.tokens, kinds.features], {
  error: expecting('text, a list of token ids (whole numbers), or a list of floats for each position'),
});
const answerList = z.array(z.union([kinds.text, tokenId]));
const answersSchema = z.union([answerList, z.array(answerList), kinds.text, tokenId], {
  error: expecting('a list of texts or token ids, or such a list for each position'),
});
const promptSchema = z.looseObject({
  clean: inputSchema,
  corrupt: inputSchema,
  answers: answersSchema.nullish(),
  correct: answersSchema.nullish(),
  wrong_answers: answersSchema.nullish(),
  incorrect: answersSchema.nullish(),
  targets: z.array(z.array(z.number()).min(1)).min(1).nullish(),
});
const fileSchema = z.looseObject({
  prompts: z.array(promptSchema),
  seq_labels: z.array(z.string()).nullish(),
  word_idxs: z.record(z.string(), z.int32().nonnegative()).nullish(),
});

/**
 * Reads a prompt file's text: JSON, or rows of CSV or JSON (`prompt-rows.ts`), by its content and the end of its path.
 * @throws AutoCircuitError naming the file, the prompt's index and the field: no JSON, no prompts, a missing or wrong
 * field, no answer, both names for the answers, or prompts of different kinds.
 */
export function parsePromptFile(text: string, path: string): PromptFile {
  const origin: JsonOrigin = { where: 'prompts', path };
  return fileOf(promptRows(text, origin), text, path);
}

/**
 * Reads a prompt file's bytes: Parquet, or text as `parsePromptFile` reads it.
 * @throws AutoCircuitError like `parsePromptFile`
 */
export async function readPromptBytes(bytes: Uint8Array, path: string): Promise<PromptFile> {
  if (!isParquet(bytes)) return parsePromptFile(textOf(bytes, path), path);
  const origin: JsonOrigin = { where: 'prompts', path };
  return fileOf(recordRows(await parquetRows(bytes, origin), origin), '', path);
}

function textOf(bytes: Uint8Array, path: string): string {
  try {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  } catch (cause) {
    throw fileError('prompts', 'read', path, cause); // longer than a string can be
  }
}

/** @param found null: the text is one JSON document; null for a row that is no prompt */
function fileOf(found: readonly (PromptRow | null)[] | null, text: string, path: string): PromptFile {
  const origin: JsonOrigin = { where: 'prompts', path };
  const rows = found?.filter((row) => row !== null) ?? null;
  const rowsLeftOut = found ? found.length - rows!.length : 0;
  const json =
    rows === null ? checkJson(fileSchema, parseJson(text, origin), origin) : { prompts: checkRows(rows, path) };
  if (json.prompts.length === 0)
    throw new AutoCircuitError({
      code: 'no-prompts',
      fields: { path },
      where: 'prompts',
      what: `${path} has no prompts`,
    });
  const kind = kindOf(json.prompts[0]!.clean);
  const prompts = json.prompts.map((prompt, index): RawPrompt => {
    const line = rows?.[index]?.line;
    const at: PromptPlace =
      line === undefined
        ? { text: `${path}: prompts[${index}]`, fields: { path, prompt: index } }
        : { text: `${path}, line ${line}`, fields: { path, prompt: index, line } };
    checkInput(prompt.clean, kind, at, 'clean');
    checkInput(prompt.corrupt, kind, at, 'corrupt');
    const sides = answerSides(
      oneOf(prompt, 'answers', 'correct', at),
      oneOf(prompt, 'wrong_answers', 'incorrect', at),
      at,
    );
    const targets = prompt.targets ? { targets: prompt.targets } : {};
    if ((sides.byPosition ?? [sides]).some(({ answers }) => answers.length === 0) && !prompt.targets) {
      throw new AutoCircuitError({
        code: 'invalid-prompt',
        fields: at.fields,
        where: 'prompts',
        what: `${at.text} has no answer`,
        expected: rows === null ? '"answers" with at least one' : 'answers, correct, correct_idx or clean_answer',
      });
    }
    return Object.freeze({ clean: prompt.clean, corrupt: prompt.corrupt, ...sides, ...targets });
  });
  return Object.freeze({
    path,
    kind,
    prompts: Object.freeze(prompts),
    seqLabels: ('seq_labels' in json ? json.seq_labels : null) ?? null,
    wordIdxs: Object.freeze({ ...('word_idxs' in json ? json.word_idxs : null) }),
    ...(rowsLeftOut > 0 ? { rowsLeftOut } : {}),
  });
}

/** Rows as prompts. @throws AutoCircuitError naming the line and the field */
const checkRows = (rows: readonly PromptRow[], path: string) =>
  rows.map(({ line, prompt }) => checkJson(promptSchema, prompt, { where: 'prompts', path: `${path}, line ${line}` }));

/** The text of a prompt file, one prompt a line: what `parsePromptFile` reads. */
export function promptFileText({ prompts, seqLabels, wordIdxs }: PromptFile): string {
  const lines = prompts.map(({ clean, corrupt, answers, wrongAnswers, byPosition, targets }) =>
    JSON.stringify({
      ...{ clean, corrupt },
      ...(byPosition || answers.length > 0 ? { answers: byPosition?.map((sides) => sides.answers) ?? answers } : {}),
      ...(wrongAnswers.length === 0
        ? {}
        : { wrong_answers: byPosition?.map((sides) => sides.wrongAnswers) ?? wrongAnswers }),
      ...(targets ? { targets } : {}),
    }),
  );
  const labels = seqLabels === null ? '' : `,\n"seq_labels":${JSON.stringify(seqLabels)}`;
  const words = Object.keys(wordIdxs).length === 0 ? '' : `,\n"word_idxs":${JSON.stringify(wordIdxs)}`;
  return `{"prompts":[\n${lines.join(',\n')}\n]${labels}${words}}\n`;
}

/** Which prompt of which file an error is about: in words, and as its fields. */
interface PromptPlace {
  readonly text: string;
  readonly fields: { readonly path: string; readonly prompt: number; readonly line?: number };
}

type Answers = readonly (string | number)[];

/** Lists of answers as they are, or by position with those at the last in front. */
function answerSides(
  answers: Answers | readonly Answers[],
  wrong: Answers | readonly Answers[],
  at: PromptPlace,
): RawSides & Pick<RawPrompt, 'byPosition'> {
  const nested = (list: Answers | readonly Answers[]): list is readonly Answers[] => Array.isArray(list[0]);
  if (!nested(answers) && !nested(wrong)) return { answers, wrongAnswers: wrong };
  if (nested(answers) && (wrong.length === 0 || (nested(wrong) && wrong.length === answers.length))) {
    const byPosition = answers.map((list, i) => ({ answers: list, wrongAnswers: nested(wrong) ? wrong[i]! : [] }));
    return { ...byPosition.at(-1)!, byPosition };
  }
  throw new AutoCircuitError({
    code: 'invalid-prompt',
    fields: at.fields,
    where: 'prompts',
    what: `${at.text} has answers and wrong answers for different numbers of positions`,
    expected: 'a list for each position in both, or plain lists in both',
    got: `${nested(answers) ? answers.length : 'a plain list of'} answers, ${nested(wrong) ? wrong.length : 'a plain list of'} wrong answers`,
  });
}

function oneOf<A extends string, B extends string>(
  prompt: { readonly [K in A | B]?: string | number | Answers | readonly Answers[] | null | undefined },
  name: A,
  other: B,
  at: PromptPlace,
): Answers | readonly Answers[] {
  const values = [prompt[name], prompt[other]].filter((value) => value !== undefined && value !== null);
  if (values.length > 1) {
    throw new AutoCircuitError({
      code: 'invalid-prompt',
      fields: at.fields,
      where: 'prompts',
      what: `${at.text} has both "${name}" and "${other}"`,
      fix: 'keep one of them',
    });
  }
  const [value] = values;
  if (typeof value === 'string' || typeof value === 'number') return Object.freeze([value]);
  return Array.isArray(value) ? Object.freeze(value) : [];
}

/** What a prompt is: text, token ids or features. */
export function kindOf(input: RawInput): PromptKind {
  if (typeof input === 'string') return 'text';
  return typeof input[0] === 'number' ? 'tokens' : 'features';
}

function checkInput(input: RawInput, kind: PromptKind, at: PromptPlace, key: string): void {
  const own = kindOf(input);
  if (own === kind) return;
  throw new AutoCircuitError({
    code: 'invalid-prompt',
    fields: { ...at.fields, key },
    where: 'prompts',
    what: `${at.text}.${key} is of a different kind than the file's first prompt`,
    expected: kind,
    got: own,
  });
}

/** A value in few words; lists are looked into one level deep, since a hostile file may nest them without end. */
function describe(value: unknown): string {
  if (!Array.isArray(value)) return describeSingle(value);
  if (value.length === 0) return 'an empty list';
  const inside = new Set(value.slice(0, 100).map((item) => (Array.isArray(item) ? 'lists' : describeSingle(item))));
  return `a list of ${[...inside].slice(0, 3).join(', ')}`;
}

function describeSingle(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'number') return `the ${Number.isInteger(value) ? 'number' : 'float'} ${value}`;
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'text';
  return typeof value;
}
