/**
 * @file What the command line advises: libraries know no flags, so their advice is put into flags here, by the code of the
 * error and, where one code has several causes, by its place or its fields. Each way out is an alternative of its own, and only
 * those are said whose flags the reader's command takes.
 */
import {
  AutoCircuitError,
  type ErrorCode,
  type ErrorParts,
  errorSentence,
  shortText,
  visibleText,
} from '@auto-circuit/core/startup';
import { ANY_FLAG, type FlagWords, flagsIn, inWords } from './flag-words.js';
import { quoted } from './numbers.js';

/** A way out: a clause in the imperative. */
type Alternative =
  | string
  | {
      readonly say: string;
      /** Flags that it needs beside those that it names: `--out` is a folder only where there is `--resume`. */
      readonly needs?: readonly string[];
      /** For a command without the flags. */
      readonly instead?: string;
    };
/** Advice for one error; undefined where the library's own is as good. */
type Advice = (parts: ErrorParts) => readonly Alternative[] | undefined;

const RUN_FOLDER = ['--resume'];
const START_AGAIN: Alternative = {
  say: 'start again with --overwrite',
  instead: 're-run it: discover with --overwrite',
};
const OVERWRITE = '--overwrite replaces it';
const OTHER_FOLDER: Alternative = { say: '--out chooses another folder', needs: RUN_FOLDER };
const NO_RESIDUAL = ['leave --residual out'];
const KEEP_A_SIZE = 'choose a size with --keep N';
const ADD_WRONG_ANSWERS = 'add wrong_answers to the data';
const SKIP = '--skip-unfit leaves such prompts out';

/** By code. A code that is not here has advice from its library that needs no flags, or none. */
export const ADVICE: Readonly<Partial<Record<ErrorCode, Advice>>> = {
  'mixed-lengths': () => ['choose one with --length N'],
  'split-too-large': () => ['give smaller --train and --test', 'give more prompts', 'use --test same'],
  'no-bos-token': () => ['use --bos off'],
  'answer-not-one-token': orSkip,
  'invalid-prompt': orSkip,
  'prompt-too-long': orSkip,
  'missing-targets': () => ['add them to the data set', 'choose another --objective'],
  'missing-wrong-answers': ({ fields }) =>
    has(fields, 'metric')
      ? ['choose another --metric', ADD_WRONG_ANSWERS]
      : has(fields, 'objective')
        ? ['choose another --objective (answer-logit, kl, …)', ADD_WRONG_ANSWERS]
        : undefined,
  'unknown-word-position': () => ['use the prompts of the task itself', 'leave --token-positions out'],

  'conflicting-options': ({ where, fields }) => {
    const names = namesIn(fields, 'options');
    if (names.includes('patchType')) {
      return where === 'measure'
        ? ['use --patch-type tree', 'use --ablation resample', 'use --force']
        : ['use --algo.patch-type tree', 'use --ablation resample'];
    }
    if (names.includes('answers')) return ['use --objective mse', 'use --algo.answers diff or value'];
    if (names.includes('ablateFrom')) {
      return ['use --ablate-from corrupt', 'run circuits on the corrupt prompts with --reverse'];
    }
    if (names.includes('select')) return ['use --select threshold', 'give sizes by --edges'];
    return undefined;
  },
  'invalid-option': ({ where, fields }) =>
    where === 'prompts' && (fields?.option === 'train' || fields?.option === 'test')
      ? [`give another --${fields.option}`]
      : undefined,
  'invalid-threshold': ({ where }) => (where === 'measure' ? ['lower it', 'choose sizes with --edges'] : undefined),
  'nothing-to-find': ({ where, got }) =>
    where !== 'measure'
      ? undefined
      : got === undefined
        ? ['check that clean and corrupt prompts differ', KEEP_A_SIZE]
        : ['check that the model can do the task (auto-circuit dataset)', 'use more test prompts', KEEP_A_SIZE],

  'unknown-node': ({ fields }) =>
    fields?.needs === 'residual' ? ['use --residual, whose graph has such nodes', 'name a head or an MLP'] : undefined,
  'unknown-name': ({ fields, fix }) =>
    fields?.what === 'backend' && DEVICES.includes(`${fields.name}`)
      ? [`it is a device: use --backend ${fields.name === 'gpu' ? 'tfjs' : 'onnx'} --device ${fields.name}`]
      : fields?.what === 'metric' && CURVE_NUMBERS.includes(`${fields.name}`)
        ? [`evaluate measures it on a finished run; ${fix}`]
        : undefined,

  'unsupported-graph': ({ where, fields }) =>
    where === 'graph' && has(fields, 'site')
      ? ['use the residual graph (--residual)', 'use an autoencoder of an MLP']
      : KNOWN_CIRCUIT_PLACES.includes(where)
        ? NO_RESIDUAL
        : undefined,
  'graph-mismatch': ({ where, fields }) =>
    where === 'official circuit' && has(fields, 'model') ? [`use --model with ${fields?.model}`] : undefined,
  'no-known-circuit': ({ where }) =>
    where === 'presets'
      ? ['use a task that has an official circuit (list tasks)', 'name the edges by --algo.edges']
      : undefined,
  'missing-option': ({ where }) =>
    where === 'known-edges'
      ? ['give them by --algo.edges', 'use a task that has an official circuit with --algo official-circuit']
      : undefined,

  'memory-limit': ({ where }) =>
    where === 'memory'
      ? [
          'raise --memory',
          'use shorter prompts (--length)',
          'use --joint-qkv (a smaller --batch-size does not help: prompts already run one by one where they must)',
        ]
      : where === 'backend-tfjs'
        ? ['use a smaller --batch-size', 'use --device node', 'use --backend onnx']
        : undefined,
  'out-of-memory': () => ['use a smaller --batch-size', 'use a lower --memory'],
  'device-unavailable': ({ fix }) =>
    fix?.endsWith('another device') ? [fix.replace(/another device$/, 'another with --device')] : undefined,

  'unknown-architecture': ({ where }) =>
    where === 'models' ? ['load a plugin that brings the architecture (--plugin NAME)'] : undefined,
  'unsupported-model': ({ where }) => (where === 'core/patch' ? ['leave --shared-prefix out'] : undefined),

  'file-not-found': ({ where }) => (where === 'config' ? ['check the path after --config'] : undefined),
  'folder-not-empty': () => ['choose an empty or a new folder with --out'],
  'run-exists': ({ where, fields }) => {
    if (has(fields, 'changes')) {
      return [
        'give the same settings',
        { say: 'choose another --out', needs: RUN_FOLDER },
        'replace it with --overwrite',
      ];
    }
    if (where === 'experiment') return ['--resume continues or shows it', OVERWRITE, OTHER_FOLDER];
    return [fields?.finished === true ? '--resume shows it' : '--resume continues it', OVERWRITE, OTHER_FOLDER];
  },
  'run-damaged': ({ fix }) =>
    fix?.startsWith('remove ')
      ? undefined
      : [
          { say: 're-run it with --overwrite', needs: ['--overwrite'] },
          { say: 'read it anyway with --force', needs: ['--force'] },
        ],
  'plan-damaged': ({ fields }) =>
    has(fields, 'shard')
      ? [`run its shard again: auto-circuit run-shard ${pathIn(fields, 'path', 'PLAN')} ${fields?.shard}`]
      : ['plan the work again with another --out'],
  'run-changed': ({ where }) =>
    where === 'run' ? ['finish it with what it was begun with', 'begin it again with --overwrite'] : undefined,
  'plan-unfinished': () => [
    'run them (auto-circuit run-shard PLAN I), then collect; auto-circuit status PLAN shows them',
  ],
  'mixed-hardware': () => [
    'run all shards on machines of one kind',
    { say: 'put them together with --mixed-hardware, and the results say so', needs: ['--mixed-hardware'] },
  ],
  'run-unfinished': ({ fields }) => [
    `finish it: auto-circuit discover --resume --out ${pathIn(fields, 'path', 'FOLDER')}`,
  ],
  'run-locked': () => ['wait for it', 'stop it', { say: 'choose another folder with --out', needs: RUN_FOLDER }],
  'wrong-checkpoint': () => [START_AGAIN],

  'plugin-failed': ({ fix }) => (fix?.includes('its own code') ? [`${OWN_CODE} (--debug shows the stack)`] : undefined),
};

/** Prompts of a file can be left out; those of the command line, and what the engine refuses, cannot. */
function orSkip({ where, what, fix }: ErrorParts): readonly Alternative[] | undefined {
  if (where !== 'prompts' || !/: prompt \d+/.test(what) || what.startsWith('the command line')) return undefined;
  return [fix === undefined ? SKIP : `${fix}; ${SKIP}`];
}

/** Devices that are taken for backends. */
const DEVICES: readonly string[] = ['cpu', 'cuda', 'gpu', 'webgpu', 'coreml', 'dml'];
/** Numbers of a whole run, which `evaluate` takes for metrics. */
const CURVE_NUMBERS: readonly string[] = ['cpr', 'cmd', 'area', 'auc', 'roc'];
const OWN_CODE = 'it failed in its own code';
/** Where errors about the graph of a known circuit come from. */
const KNOWN_CIRCUIT_PLACES: readonly string[] = ['official circuit', 'compiled', 'tasks'];

/**
 * The parts of an error with advice in flags. Advice that names flags already, as the command line's own does, stays.
 * @param words which flags the reader's command takes
 */
export function withAdvice(parts: ErrorParts, words: FlagWords = ANY_FLAG): ErrorParts {
  const { code, fix } = parts;
  if (code === undefined || (fix !== undefined && flagsIn(fix).length > 0)) return parts;
  const known = (Object.hasOwn(ADVICE, code) ? ADVICE[code]?.(parts) : undefined) ?? [];
  const possible = known.map((alternative) => clause(alternative, words)).filter((text) => text !== null);
  return possible.length === 0 ? parts : { ...parts, fix: orList(possible) };
}

/** What to say of an alternative to a reader of these flags; null for nothing. */
function clause(alternative: Alternative, words: FlagWords): string | null {
  const { say, needs = [], instead } = typeof alternative === 'string' ? { say: alternative } : alternative;
  const command = /\bdiscover\b/.test(say) ? 'discover' : undefined;
  if ([...flagsIn(say), ...needs].every((flag) => words(flag, command) !== null)) return say;
  return instead ?? null;
}

/** `a`, `a, or b`, `a, b, or c`. */
const orList = (texts: readonly string[]): string =>
  texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')}, or ${texts.at(-1)}`;

/** What libraries warn of, and the same with flags. */
const WARNINGS: readonly (readonly [string, string])[] = [
  ['use the weights unprocessed', 'use --no-process'],
  ['measure more sizes, or choose the size to keep', 'measure more sizes with --edges, or choose one with --keep N'],
  ['choose another objective (logit-diff, …)', 'choose another --objective (logit-diff, …)'],
];

/** A warning of a library with advice in flags, where it has any and the reader's command takes them. */
export function warningText(line: string, words: FlagWords = ANY_FLAG): string {
  const withFlags = WARNINGS.reduce(
    (text, [plain, flagged]) => (clause(flagged, words) === null ? text : text.replace(plain, flagged)),
    line,
  );
  return inWords(withFlags, words);
}

/** One line for an error, with advice in flags where it has any. */
export function errorText(error: unknown, words: FlagWords = ANY_FLAG): string {
  const message = error instanceof Error ? error.message : String(error);
  const text =
    error instanceof AutoCircuitError ? errorSentence(withAdvice(error.parts, words)) : visibleText(shortText(message));
  return inWords(text.trim().replace(/\s*\n\s*/g, ' '), words);
}

const has = (fields: ErrorParts['fields'], name: string): boolean => fields?.[name] !== undefined;

/** A path as it is typed. */
function pathIn(fields: ErrorParts['fields'], name: string, otherwise: string): string {
  const value = fields?.[name];
  return typeof value === 'string' ? quoted(value) : otherwise;
}

function namesIn(fields: ErrorParts['fields'], name: string): readonly unknown[] {
  const value = fields?.[name];
  return Array.isArray(value) ? value : [];
}
