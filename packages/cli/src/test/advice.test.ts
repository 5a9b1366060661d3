/** @file What the command line advises for each code, and that the flags it names exist. */
import { AutoCircuitError, ERROR_CODES, type ErrorCode, type ErrorParts } from '@auto-circuit/core/startup';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../cli.js';
import { ADVICE, errorText, warningText, withAdvice } from '../terminal/advice.js';

const LIBRARY_FIX = 'do it in a script';
const parts = (code: ErrorCode, more: Partial<ErrorParts> = {}): ErrorParts => ({
  code,
  where: 'somewhere',
  what: 'this is wrong',
  fix: LIBRARY_FIX,
  ...more,
});

/** Every cause that a code with advice may have, and what is advised. */
const CASES: readonly (readonly [ErrorCode, Partial<ErrorParts>, string])[] = [
  ['mixed-lengths', {}, 'choose one with --length N'],
  ['split-too-large', {}, 'give smaller --train and --test, more prompts, or --test same'],
  ['no-bos-token', {}, 'use --bos off'],
  ...(['answer-not-one-token', 'invalid-prompt', 'prompt-too-long'] as const).flatMap((code): typeof CASES => [
    [code, {}, LIBRARY_FIX],
    [code, { where: 'prompts', what: 'the command line: prompt 0 is odd' }, LIBRARY_FIX],
    [
      code,
      { where: 'prompts', what: 'p.json: prompt 3 is odd' },
      `${LIBRARY_FIX}; --skip-unfit leaves such prompts out`,
    ],
  ]),
  ['missing-targets', {}, 'add them to the data set, or choose another --objective'],
  ['missing-wrong-answers', {}, LIBRARY_FIX],
  [
    'missing-wrong-answers',
    { fields: { metric: 'logit-diff' } },
    'choose another --metric, or add wrong_answers to the data',
  ],
  [
    'missing-wrong-answers',
    { fields: { objective: 'logit-diff' } },
    'choose another --objective (answer-logit, kl, …), or add wrong_answers to the data',
  ],
  ['unknown-word-position', {}, 'use the prompts of the task itself, or leave --token-positions out'],
  ['conflicting-options', { fields: { options: ['a', 'b'] } }, LIBRARY_FIX],
  [
    'conflicting-options',
    { where: 'measure', fields: { options: ['patchType', 'ablation'] } },
    'use --patch-type tree or --ablation resample, or say --force',
  ],
  [
    'conflicting-options',
    { where: 'circuit-probing', fields: { options: ['patchType', 'ablation'] } },
    'use --algo.patch-type tree, or --ablation resample',
  ],
  [
    'conflicting-options',
    { where: 'mask-gradient', fields: { options: ['answers', 'objective'] } },
    'use --objective mse, or --algo.answers diff or value',
  ],
  [
    'conflicting-options',
    { fields: { options: ['ablation', 'ablateFrom'] } },
    'use --ablate-from corrupt, or --reverse to run circuits on the corrupt prompts',
  ],
  [
    'conflicting-options',
    { fields: { options: ['select', 'threshold'] } },
    'use --select threshold, or sizes by --edges',
  ],
  ['invalid-threshold', {}, LIBRARY_FIX],
  ['invalid-threshold', { where: 'measure' }, 'lower it, or choose sizes with --edges'],
  ['nothing-to-find', { where: 'latents' }, LIBRARY_FIX],
  [
    'nothing-to-find',
    { where: 'measure' },
    'check that clean and corrupt prompts differ, or choose a size with --keep N',
  ],
  [
    'nothing-to-find',
    { where: 'measure', got: '0.1 ± 0.2' },
    'check that the model does the task (auto-circuit dataset), use more test prompts, or choose a size with --keep N',
  ],
  ['unsupported-graph', {}, LIBRARY_FIX],
  ['unsupported-graph', { where: 'graph' }, LIBRARY_FIX],
  [
    'unsupported-graph',
    { where: 'graph', fields: { site: 'L0.post' } },
    'use the residual graph (--residual), or an autoencoder of an MLP',
  ],
  ['unsupported-graph', { where: 'official circuit' }, 'leave --residual out'],
  ['unsupported-graph', { where: 'compiled' }, 'leave --residual out'],
  ['unsupported-graph', { where: 'tasks' }, 'leave --residual out'],
  ['graph-mismatch', {}, LIBRARY_FIX],
  ['graph-mismatch', { where: 'official circuit', fields: { model: 'gpt2' } }, 'use --model with gpt2'],
  ['no-known-circuit', {}, LIBRARY_FIX],
  ['missing-option', {}, LIBRARY_FIX],
  [
    'missing-option',
    { where: 'known-edges' },
    'give them by --algo.edges, or use a task that has an official circuit with --algo official-circuit',
  ],
  [
    'no-known-circuit',
    { where: 'presets' },
    'use a task that has an official circuit (list tasks), or name the edges by --algo.edges',
  ],
  ['memory-limit', {}, LIBRARY_FIX],
  [
    'memory-limit',
    { where: 'memory' },
    'raise --memory, take shorter prompts (--length) or --joint-qkv; a smaller --batch-size changes nothing, as prompts run one by one where they must',
  ],
  ['memory-limit', { where: 'backend-tfjs' }, 'use a smaller --batch-size, --device node, or --backend onnx'],
  ['out-of-memory', {}, 'use a smaller --batch-size or a lower --memory'],
  ['device-unavailable', {}, LIBRARY_FIX],
  [
    'device-unavailable',
    { fix: 'install it again (npm install x) or take another device' },
    'install it again (npm install x) or take another with --device',
  ],
  ['unknown-architecture', {}, LIBRARY_FIX],
  ['unknown-architecture', { where: 'models' }, 'load a plugin that brings the architecture (--plugin NAME)'],
  ['unsupported-model', {}, LIBRARY_FIX],
  ['unsupported-model', { where: 'core/patch' }, 'leave --shared-prefix out'],
  ['file-not-found', {}, LIBRARY_FIX],
  ['file-not-found', { where: 'config' }, 'check the path after --config'],
  ['folder-not-empty', {}, 'choose an empty or a new folder with --out'],
  [
    'run-exists',
    { fields: { changes: ['seed'] } },
    'ask for the same again, choose another --out, or replace it with --overwrite',
  ],
  [
    'run-exists',
    { fields: { finished: true } },
    '--resume shows it, --overwrite replaces it, --out chooses another folder',
  ],
  [
    'run-exists',
    { fields: { finished: false } },
    '--resume goes on with it, --overwrite replaces it, --out chooses another folder',
  ],
  [
    'run-exists',
    { where: 'experiment' },
    '--resume goes on with it or shows it, --overwrite replaces it, --out chooses another folder',
  ],
  ['run-unfinished', {}, 'finish it: the same discover command with --resume'],
  ['run-damaged', {}, 'make the run again with --overwrite, or read it all the same with --force'],
  ['run-changed', { where: 'run' }, 'finish it with what it was begun with, or begin it again with --overwrite'],
  ['run-changed', { where: 'verify' }, LIBRARY_FIX],
  ['run-locked', {}, 'wait for it, stop it, or choose another folder with --out'],
  ['wrong-checkpoint', {}, 'start again with --overwrite'],
  ['plugin-failed', {}, LIBRARY_FIX],
  [
    'plugin-failed',
    { fix: 'it failed in its own code, whose stack is in the cause' },
    'it failed in its own code (--debug shows the stack)',
  ],
];

it('warnings of libraries get flags, too, and stay as they are where there is none for them', () => {
  expect(warningText('x: so their scores are rounding noise; use the weights unprocessed')).toBe(
    'x: so their scores are rounding noise; use --no-process',
  );
  expect(warningText('use the weights')).toBe('use the weights');
});

describe('advice', () => {
  it.each(CASES)('%s %j: %s', (code, more, advice) => {
    expect(withAdvice(parts(code, more)).fix).toBe(advice);
  });

  it('has a case here for every code that it knows, and is the library’s for every other code', () => {
    expect([...new Set(CASES.map(([code]) => code))].sort()).toEqual(Object.keys(ADVICE).sort());
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      if (!(code in ADVICE)) expect(withAdvice(parts(code)), code).toEqual(parts(code));
    }
    const ofPlugin = parts('my-plugin/wrong');
    expect(withAdvice(ofPlugin)).toBe(ofPlugin);
  });

  it('names only flags that a command takes', () => {
    const nobody = { write: () => 0 };
    const streams = { stdout: nobody, stderr: nobody, cwd: '/', env: {}, signal: new AbortController().signal };
    const program = createProgram(streams);
    const flags = new Set([program, ...program.commands].flatMap(({ options }) => options.map(({ long }) => long)));
    for (const [code, , advice] of CASES) {
      for (const [flag] of advice.matchAll(/--[a-z-]+(?!\.)\b/g)) {
        expect(flags.has(flag) || flags.has(`${flag}.OPTION`), `${code}: ${flag}`).toBe(true);
      }
    }
  });

  it('leaves advice alone that names a flag already', () => {
    const own = parts('mixed-lengths', { fix: 'leave --token-positions out' });
    expect(withAdvice(own)).toBe(own);
  });

  it('stands in the sentence of an error, in place of the library’s', () => {
    const error = new AutoCircuitError({
      ...parts('no-bos-token'),
      where: 'prompts',
      what: 'the tokenizer has no BOS token',
    });
    expect(errorText(error)).toBe('[prompts] the tokenizer has no BOS token; use --bos off');
    expect(errorText(new TypeError('two\n lines'))).toBe('two lines');
  });
});
