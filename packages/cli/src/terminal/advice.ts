/**
 * @file What the command line advises: libraries know no flags, so their advice is put into flags here, by the code of the
 * error and, where one code has several causes, by its place or its fields.
 */
import {
  AutoCircuitError,
  type ErrorCode,
  type ErrorParts,
  errorSentence,
  shortText,
  visibleText,
} from '@auto-circuit/core/startup';

/** Advice for one error; undefined where the library's own is as good. */
type Advice = (parts: ErrorParts) => string | undefined;

const ONE_LENGTH = 'choose one with --length N';
const START_AGAIN = 'start again with --overwrite';
const OTHER_FOLDER = '--overwrite replaces it, --out chooses another folder';
const NO_RESIDUAL = 'leave --residual out';
const KEEP_A_SIZE = 'or choose a size with --keep N';
const ADD_WRONG_ANSWERS = 'or add wrong_answers to the data';

/** By code. A code that is not here has advice from its library that needs no flags, or none. */
export const ADVICE: Readonly<Partial<Record<ErrorCode, Advice>>> = {
  'mixed-lengths': () => ONE_LENGTH,
  'split-too-large': () => 'give smaller --train and --test, more prompts, or --test same',
  'no-bos-token': () => 'use --bos off',
  'answer-not-one-token': orSkip,
  'invalid-prompt': orSkip,
  'prompt-too-long': orSkip,
  'missing-targets': () => 'add them to the data set, or choose another --objective',
  'missing-wrong-answers': ({ fields }) =>
    has(fields, 'metric')
      ? `choose another --metric, ${ADD_WRONG_ANSWERS}`
      : has(fields, 'objective')
        ? `choose another --objective (answer-logit, kl, …), ${ADD_WRONG_ANSWERS}`
        : undefined,
  'unknown-word-position': () => 'use the prompts of the task itself, or leave --token-positions out',

  'conflicting-options': ({ where, fields }) => {
    const names = namesIn(fields, 'options');
    if (names.includes('patchType')) {
      return where === 'measure'
        ? 'use --patch-type tree or --ablation resample, or say --force'
        : 'use --algo.patch-type tree, or --ablation resample';
    }
    if (names.includes('answers')) return 'use --objective mse, or --algo.answers diff or value';
    if (names.includes('ablateFrom')) {
      return 'use --ablate-from corrupt, or --reverse to run circuits on the corrupt prompts';
    }
    if (names.includes('select')) return 'use --select threshold, or sizes by --edges';
    return undefined;
  },
  'invalid-threshold': ({ where }) => (where === 'measure' ? 'lower it, or choose sizes with --edges' : undefined),
  'nothing-to-find': ({ where, got }) =>
    where !== 'measure'
      ? undefined
      : got === undefined
        ? `check that clean and corrupt prompts differ, ${KEEP_A_SIZE}`
        : `check that the model does the task (auto-circuit dataset), use more test prompts, ${KEEP_A_SIZE}`,

  'unsupported-graph': ({ where, fields }) =>
    where === 'graph' && has(fields, 'site')
      ? 'use the residual graph (--residual), or an autoencoder of an MLP'
      : KNOWN_CIRCUIT_PLACES.includes(where)
        ? NO_RESIDUAL
        : undefined,
  'graph-mismatch': ({ where, fields }) =>
    where === 'official circuit' && has(fields, 'model') ? `use --model with ${fields?.model}` : undefined,
  'no-known-circuit': ({ where }) =>
    where === 'presets'
      ? 'use a task that has an official circuit (list tasks), or name the edges by --algo.edges'
      : undefined,
  'missing-option': ({ where }) =>
    where === 'known-edges'
      ? 'give them by --algo.edges, or use a task that has an official circuit with --algo official-circuit'
      : undefined,

  'memory-limit': ({ where }) =>
    where === 'memory'
      ? 'raise --memory, take shorter prompts (--length) or --joint-qkv; a smaller --batch-size changes nothing, as prompts run one by one where they must'
      : where === 'backend-tfjs'
        ? 'use a smaller --batch-size, --device node, or --backend onnx'
        : undefined,
  'out-of-memory': () => 'use a smaller --batch-size or a lower --memory',
  'device-unavailable': ({ fix }) => fix?.replace(/another device$/, 'another with --device'),

  'unknown-architecture': ({ where }) =>
    where === 'models' ? 'load a plugin that brings the architecture (--plugin NAME)' : undefined,
  'unsupported-model': ({ where }) => (where === 'core/patch' ? 'leave --shared-prefix out' : undefined),

  'file-not-found': ({ where }) => (where === 'config' ? 'check the path after --config' : undefined),
  'folder-not-empty': () => 'choose an empty or a new folder with --out',
  'run-exists': ({ where, fields }) => {
    if (has(fields, 'changes')) return 'ask for the same again, choose another --out, or replace it with --overwrite';
    if (where === 'experiment') return `--resume goes on with it or shows it, ${OTHER_FOLDER}`;
    return `${fields?.finished === true ? '--resume shows it' : '--resume goes on with it'}, ${OTHER_FOLDER}`;
  },
  'run-unfinished': () => 'finish it: the same discover command with --resume',
  'run-locked': () => 'wait for it, stop it, or choose another folder with --out',
  'wrong-checkpoint': () => START_AGAIN,

  'plugin-failed': ({ fix }) => (fix?.includes('its own code') ? `${OWN_CODE} (--debug shows the stack)` : undefined),
};

/** Prompts of a file can be left out; those of the command line, and what the engine refuses, cannot. */
function orSkip({ where, what, fix }: ErrorParts): string | undefined {
  if (where !== 'prompts' || !/: prompt \d+/.test(what) || what.startsWith('the command line')) return undefined;
  return fix === undefined ? SKIP : `${fix}; ${SKIP}`;
}
const SKIP = '--skip-unfit leaves such prompts out';

const OWN_CODE = 'it failed in its own code';
/** Where errors about the graph of a known circuit come from. */
const KNOWN_CIRCUIT_PLACES: readonly string[] = ['official circuit', 'compiled', 'tasks'];

/** The parts of an error with advice in flags. Advice that names flags already, as the command line's own does, stays. */
export function withAdvice(parts: ErrorParts): ErrorParts {
  const { code, fix } = parts;
  if (code === undefined || (fix !== undefined && NAMES_A_FLAG.test(fix))) return parts;
  const advice = Object.hasOwn(ADVICE, code) ? ADVICE[code]?.(parts) : undefined;
  return advice === undefined ? parts : { ...parts, fix: advice };
}

/** What an algorithm warns of, and the same with flags. */
const WARNINGS: readonly (readonly [string, string])[] = [
  [
    'so their scores are rounding noise; use the weights unprocessed',
    'so their scores are rounding noise; use --no-process',
  ],
];

/** A warning of a library with advice in flags, where it has any. */
export const warningText = (line: string): string =>
  WARNINGS.reduce((text, [plain, withFlags]) => text.replace(plain, withFlags), line);

/** One line for an error, with advice in flags where it has any. */
export function errorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const text =
    error instanceof AutoCircuitError ? errorSentence(withAdvice(error.parts)) : visibleText(shortText(message));
  return text.trim().replace(/\s*\n\s*/g, ' ');
}

const NAMES_A_FLAG = /(^|[\s("])--[a-z]/;

const has = (fields: ErrorParts['fields'], name: string): boolean => fields?.[name] !== undefined;

function namesIn(fields: ErrorParts['fields'], name: string): readonly unknown[] {
  const value = fields?.[name];
  return Array.isArray(value) ? value : [];
}
