/**
 * @file Rows as the data sets of the MIB benchmark (Mueller et al. 2025, https://arxiv.org/abs/2504.13151) have them: a prompt, its
 * counterfactuals, and the answer as names (IOI), as the label of a choice (MCQA, ARC) or as a number (arithmetic).
 */
import { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';
import { checkJson, type JsonOrigin } from '../files/json-file.js';

/** Which counterfactual the circuit track patches with, by the first that a row has. */
const COUNTERFACTUALS = ['s2_io_flip_counterfactual', 'symbol_counterfactual', 'random_counterfactual'] as const;

const answerFields = {
  choices: z.object({ label: z.array(z.string()) }).nullish(),
  answerKey: z.int().nonnegative().nullish(),
  label: z.union([z.number(), z.string()]).nullish(),
};
const rowSchema = z.looseObject({
  prompt: z.string(),
  metadata: z.looseObject({ indirect_object: z.string().nullish(), subject: z.string().nullish() }).nullish(),
  ...answerFields,
});
const otherSchema = z.looseObject({ prompt: z.string(), ...answerFields });
type Answered = Pick<z.infer<typeof otherSchema>, 'choices' | 'answerKey' | 'label'>;

/** Whether a row is in this form. */
export const isMibRow = (row: Readonly<Record<string, unknown>>): boolean =>
  typeof row.prompt === 'string' && Object.keys(row).some((name) => name.endsWith('_counterfactual'));

/**
 * The row's prompt, with the names of our fields; null for one without a counterfactual, which the benchmark leaves out, too.
 * @throws AutoCircuitError naming the row, for one whose answers are in none of the forms
 */
export function mibPrompt(
  row: Readonly<Record<string, unknown>>,
  origin: JsonOrigin,
): Readonly<Record<string, unknown>> | null {
  const name = COUNTERFACTUALS.find((own) => Object.hasOwn(row, own));
  if (name === undefined) {
    const others = Object.keys(row).filter((own) => own.endsWith('_counterfactual'));
    throw invalid(
      origin,
      'has no counterfactual that can be patched in',
      COUNTERFACTUALS.join(', '),
      others.join(', '),
    );
  }
  const other = row[name];
  if (other === null || other === undefined || (other as { prompt?: unknown }).prompt == null) return null;
  const { metadata, ...own } = checkJson(rowSchema, row, origin);
  const patched = checkJson(otherSchema, other, origin);
  const names = { answers: metadata?.indirect_object, wrong_answers: metadata?.subject };
  const sides =
    names.answers && names.wrong_answers
      ? { answers: ` ${names.answers}`, wrong_answers: ` ${names.wrong_answers}` }
      : { answers: answerOf(own), wrong_answers: answerOf(patched) };
  if (sides.answers !== null && sides.wrong_answers !== null)
    return { clean: own.prompt, corrupt: patched.prompt, ...sides };
  throw invalid(
    origin,
    'has no answer, or its counterfactual has none',
    'metadata with indirect_object and subject, choices with answerKey, or a label',
  );
}

/** The label of the right choice, or the number, as text. */
function answerOf({ choices, answerKey, label }: Answered): string | null {
  if (choices && answerKey != null) return choices.label[answerKey] ?? null;
  return label == null ? null : `${label}`;
}

const invalid = ({ where, path }: JsonOrigin, what: string, expected: string, got?: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'invalid-file',
    fields: { path },
    where,
    what: `${path} ${what}`,
    expected,
    ...(got ? { got } : {}),
    fix: 'see docs/data.md for the columns',
  });
