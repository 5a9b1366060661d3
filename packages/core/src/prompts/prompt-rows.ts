/**
 * @file Prompt files with a prompt for each row: CSV with a line of column names, as EAP-IG has them, and JSON lines, as
 * feature-circuits has them. Their names of the fields become ours; other columns are not read. Rows of MIB's data sets have
 * another form (`mib-rows.ts`).
 */
import { CsvError, parse } from 'csv-parse/sync';
import { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';
import { type JsonOrigin, parseJson } from '../files/json-file.js';
import { isMibRow, mibPrompt } from './mib-rows.js';

/** A row as prompt files in JSON have it, and the line that it begins in, from 1. */
export interface PromptRow {
  readonly line: number;
  readonly prompt: Readonly<Record<string, unknown>>;
}

/** Names of a field in rows, each with ours. */
const FIELDS: Readonly<Record<string, string>> = {
  clean: 'clean',
  clean_prefix: 'clean',
  corrupt: 'corrupt',
  corrupted: 'corrupt',
  patch_prefix: 'corrupt',
  answers: 'answers',
  correct: 'answers',
  correct_idx: 'answers',
  clean_answer: 'answers',
  wrong_answers: 'wrong_answers',
  incorrect: 'wrong_answers',
  incorrect_idx: 'wrong_answers',
  patch_answer: 'wrong_answers',
  targets: 'targets',
};
/** Columns of token ids: a number, or a list of them. */
const IDS: readonly string[] = ['correct_idx', 'incorrect_idx'];

/**
 * The rows of a file of rows; null for one JSON document. A `.csv` file has a line of names; of the others, one whose first
 * line is a whole JSON object has one on every line, whatever it is called.
 * @throws AutoCircuitError naming the line, for rows that are none
 */
export function promptRows(text: string, origin: JsonOrigin): (PromptRow | null)[] | null {
  const plain = text.replace(/^\uFEFF/, '');
  if (/\.[ct]sv$/i.test(origin.path)) return csvRows(plain, origin);
  return /\.(jsonl|ndjson)$/i.test(origin.path) || isLines(plain) ? jsonLines(plain, origin) : null;
}

/** Whether the first line is an object, and not all there is of a prompt file. */
function isLines(text: string): boolean {
  const first = /^\s*(\{.*\})[ \t]*\r?\n\s*\{/.exec(text)?.[1];
  if (first === undefined) return false;
  try {
    JSON.parse(first);
    return true;
  } catch {
    return false;
  }
}

function jsonLines(text: string, origin: JsonOrigin): (PromptRow | null)[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    if (line.trim() === '') return [];
    const at = { ...origin, path: `${origin.path}, line ${i + 1}` };
    const row = z.record(z.string(), z.unknown()).safeParse(parseJson(line, at));
    if (!row.success) throw invalidRow(origin, i + 1, 'is not a JSON object with the fields of a prompt');
    return [promptRow(row.data, origin, i + 1)];
  });
}

/** A row as a prompt; null for a row of MIB's without a counterfactual. */
function promptRow(row: Readonly<Record<string, unknown>>, origin: JsonOrigin, line: number): PromptRow | null {
  if (!isMibRow(row)) return { line, prompt: renamed(row, origin, line) };
  const prompt = mibPrompt(row, { ...origin, path: `${origin.path}, line ${line}` });
  return prompt && { line, prompt };
}

/** Rows that were read already, of a Parquet file; they count from 1. @throws AutoCircuitError naming the row */
export const recordRows = (
  records: readonly Readonly<Record<string, unknown>>[],
  origin: JsonOrigin,
): (PromptRow | null)[] => records.map((record, i) => promptRow(record, origin, i + 1));

const csvSchema = z.array(
  z.object({ record: z.record(z.string(), z.string()), info: z.object({ lines: z.number() }) }),
);

function csvRows(text: string, origin: JsonOrigin): PromptRow[] {
  const delimiter = /\.tsv$/i.test(origin.path) ? '\t' : ',';
  let records: z.output<typeof csvSchema>;
  try {
    records = csvSchema.parse(parse(text, { columns: true, info: true, skip_empty_lines: true, delimiter }));
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    throw invalidRow(origin, Number(cause.lines), `is not CSV (${cause.message})`);
  }
  return records.map(({ record, info }) => {
    const within = Object.values(record).reduce((sum, cell) => sum + cell.split('\n').length - 1, 0);
    const line = info.lines - within;
    const cells = Object.entries(record).map(([name, cell]) => [name, IDS.includes(name) ? ids(cell) : cell] as const);
    return { line, prompt: renamed(Object.fromEntries(cells), origin, line) };
  });
}

/** `5` or `[5, 7]` as numbers; what is neither stays text, which a prompt refuses or takes. */
function ids(cell: string): unknown {
  const [, one, list] = /^\s*(?:(\d+)|\[((?:\s*\d+\s*,)*\s*\d+\s*|\s*)\])\s*$/.exec(cell) ?? [];
  if (one !== undefined) return Number(one);
  if (list === undefined) return cell;
  return list.trim() === '' ? [] : list.split(',').map(Number);
}

function renamed(row: Readonly<Record<string, unknown>>, origin: JsonOrigin, line: number): PromptRow['prompt'] {
  const prompt = new Map<string, unknown>();
  for (const [name, value] of Object.entries(row)) {
    const own = Object.hasOwn(FIELDS, name) ? FIELDS[name]! : null;
    if (value === '' || value === null) continue;
    if (own === null) {
      prompt.set(name, value); // nothing reads it, but it may be a misspelt name
      continue;
    }
    if (IDS.includes(name) && typeof value === 'string')
      throw invalidRow(origin, line, `: ${name} is not a token id`, name, JSON.stringify(value));
    if (prompt.has(own)) throw invalidRow(origin, line, `: ${name} is a second name of "${own}"`, name);
    prompt.set(own, value);
  }
  return Object.fromEntries(prompt);
}

function invalidRow({ where, path }: JsonOrigin, line: number, what: string, key?: string, got?: string) {
  return new AutoCircuitError({
    code: 'invalid-file',
    fields: { path, line, ...(key === undefined ? {} : { key }) },
    where,
    what: `${path}, line ${line}${what.startsWith(':') ? '' : ' '}${what}`,
    ...(got === undefined ? {} : { got }),
    fix: 'see docs/data.md for the columns',
  });
}
