/** @file What the command line advises for each code, and that each command is told of flags that it takes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoCircuitError, ERROR_CODES, type ErrorCode, type ErrorParts } from '@auto-circuit/core/startup';
import { describe, expect, it } from 'vitest';
import { programOf } from '../cli.js';
import { createProgram } from '../create-program.js';
import { SETTING_WORDS } from '../experiment/setting-words.js';
import { neededCommands } from '../load-commands.js';
import { ADVICE, errorText, warningText, withAdvice } from '../terminal/advice.js';
import { flagsOfCommand } from '../terminal/flag-words.js';
import { runMain } from './run-main.js';

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
  ['split-too-large', {}, 'give smaller --train and --test, give more prompts, or use --test same'],
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
    'use --patch-type tree, use --ablation resample, or use --force',
  ],
  [
    'conflicting-options',
    { where: 'circuit-probing', fields: { options: ['patchType', 'ablation'] } },
    'use --algo.patch-type tree, or use --ablation resample',
  ],
  [
    'conflicting-options',
    { where: 'mask-gradient', fields: { options: ['answers', 'objective'] } },
    'use --objective mse, or use --algo.answers diff or value',
  ],
  [
    'conflicting-options',
    { fields: { options: ['ablation', 'ablateFrom'] } },
    'use --ablate-from corrupt, or run circuits on the corrupt prompts with --reverse',
  ],
  [
    'conflicting-options',
    { fields: { options: ['select', 'threshold'] } },
    'use --select threshold, or give sizes by --edges',
  ],
  ['invalid-option', {}, LIBRARY_FIX],
  ['invalid-option', { where: 'prompts', fields: { option: 'train', got: 0 } }, 'give another --train'],
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
    'check that the model can do the task (auto-circuit dataset), use more test prompts, or choose a size with --keep N',
  ],
  ['unknown-node', {}, LIBRARY_FIX],
  [
    'unknown-node',
    { fields: { needs: 'residual' } },
    'use --residual, whose graph has such nodes, or name a head or an MLP',
  ],
  ['unknown-name', {}, LIBRARY_FIX],
  ['unknown-name', { fields: { what: 'backend', name: 'cuda' } }, 'it is a device: use --backend onnx --device cuda'],
  [
    'unknown-name',
    { fields: { what: 'metric', name: 'cpr' } },
    `evaluate measures it on a finished run; ${LIBRARY_FIX}`,
  ],
  ['unsupported-graph', {}, LIBRARY_FIX],
  ['unsupported-graph', { where: 'graph' }, LIBRARY_FIX],
  [
    'unsupported-graph',
    { where: 'graph', fields: { site: 'L0.post' } },
    'use the residual graph (--residual), or use an autoencoder of an MLP',
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
    'raise --memory, use shorter prompts (--length), or use --joint-qkv (a smaller --batch-size does not help: prompts already run one by one where they must)',
  ],
  ['memory-limit', { where: 'backend-tfjs' }, 'use a smaller --batch-size, use --device node, or use --backend onnx'],
  ['out-of-memory', {}, 'use a smaller --batch-size, or use a lower --memory'],
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
    'give the same settings, choose another --out, or replace it with --overwrite',
  ],
  [
    'run-exists',
    { fields: { finished: true } },
    '--resume shows it, --overwrite replaces it, or --out chooses another folder',
  ],
  [
    'run-exists',
    { fields: { finished: false } },
    '--resume continues it, --overwrite replaces it, or --out chooses another folder',
  ],
  [
    'run-exists',
    { where: 'experiment' },
    '--resume continues or shows it, --overwrite replaces it, or --out chooses another folder',
  ],
  ['plan-damaged', {}, 'plan the work again with another --out'],
  ['plan-damaged', { fields: { path: 'a b', shard: 3 } }, "run its shard again: auto-circuit run-shard 'a b' 3"],
  [
    'plan-unfinished',
    {},
    'run them (auto-circuit run-shard PLAN I), then collect; auto-circuit status PLAN shows them',
  ],
  [
    'mixed-hardware',
    {},
    'run all shards on machines of one kind, or put them together with --mixed-hardware, and the results say so',
  ],
  ['run-unfinished', {}, 'finish it: auto-circuit discover --resume --out FOLDER'],
  ['run-damaged', {}, 're-run it with --overwrite, or read it anyway with --force'],
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

describe('warnings of libraries', () => {
  it('get flags, too, and stay as they are where there is none for them', () => {
    expect(warningText('x: so their scores are only rounding noise; use the weights unprocessed')).toBe(
      'x: so their scores are only rounding noise; use --no-process',
    );
    expect(warningText('use the weights')).toBe('use the weights');
  });

  it('are those that the libraries really write', async () => {
    const run = (...args: string[]) => runMain(['discover', '--task', 'ioi-mini', '--limit', '4', '--edges', '5', '--out', out, '--overwrite', ...args]); // biome-ignore format: one line
    const out = await mkdtemp(join(tmpdir(), 'advice-'));
    try {
      expect((await run('--algo', 'random')).stderr).toContain(
        '; measure more sizes with --edges, or choose one with --keep N\n',
      );
      expect((await run('--algo', 'activation-magnitude', '--keep', '5')).stderr).toContain(
        'rounding noise; use --no-process\n',
      );
      expect((await run('--algo', 'eap', '--objective', 'kl', '--keep', '5')).stderr).toContain(
        'choose another --objective (',
      );
    } finally {
      await rm(out, { recursive: true });
    }
  });

  it('are in the words of the file where an experiment runs', () => {
    expect(warningText('measure more sizes, or choose the size to keep', SETTING_WORDS)).toBe(
      'measure more sizes with "edges", or choose one with "keep" N',
    );
    expect(warningText('use the weights unprocessed', SETTING_WORDS)).toBe('use "process": false');
    expect(errorText(new AutoCircuitError(parts('out-of-memory')), SETTING_WORDS)).toBe(
      '[somewhere] this is wrong; use a smaller "batchSize", or use a lower --memory',
    );
    expect(errorText(new AutoCircuitError(parts('missing-option', { where: 'known-edges' })), SETTING_WORDS)).toContain(
      'give them by the option "edges", or use a task',
    );
  });
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

  const flagsNamed = (text: string): string[] =>
    [...text.matchAll(/(--[a-z-]+)(\.[a-z]+)?/g)].map(([, flag, option]) => (option ? `${flag}.OPTION` : flag!));
  const nobody = { write: () => 0 };
  const streams = { stdout: nobody, stderr: nobody, cwd: '/', env: {}, signal: new AbortController().signal };
  const program = createProgram(streams);

  it.each(program.commands.map((command) => [command.name(), command] as const))(
    'of %s names only flags that it takes, or those of the command that it names',
    (_, command) => {
      const flagsOf = (name: string) => {
        const options = [...program.options, ...program.commands.find((one) => one.name() === name)!.options];
        return new Set(options.map(({ long }) => long!));
      };
      for (const [code, more, advice] of CASES) {
        const { fix } = withAdvice(parts(code, more), flagsOfCommand(command));
        const taken = flagsOf(fix!.includes('discover') ? 'discover' : command.name());
        for (const flag of flagsNamed(fix!)) expect(taken, `${code}: ${fix}`).toContain(flag);
        // and what it can say, it says
        const flags = flagsNamed(advice);
        const whole =
          flags.every((flag) => flagsOf(command.name()).has(flag)) && flagsOf(command.name()).has('--resume');
        if (whole) expect(fix, code).toBe(advice);
      }
    },
  );

  it('keeps the ways out that a command has, and says what else to do where it has none', () => {
    const adviceFor = (name: string, code: ErrorCode, more: Partial<ErrorParts> = {}) =>
      withAdvice(parts(code, more), flagsOfCommand(program.commands.find((one) => one.name() === name)!)).fix;
    expect(adviceFor('verify', 'memory-limit', { where: 'memory' })).toBe('raise --memory');
    expect(adviceFor('verify', 'wrong-checkpoint')).toBe('re-run it: discover with --overwrite');
    expect(adviceFor('evaluate', 'wrong-checkpoint')).toBe('re-run it: discover with --overwrite');
    expect(adviceFor('evaluate', 'run-locked')).toBe('wait for it, or stop it');
    expect(adviceFor('verify', 'no-bos-token')).toBe(LIBRARY_FIX);
    expect(adviceFor('report', 'run-unfinished')).toBe('finish it: auto-circuit discover --resume --out FOLDER');
    expect(adviceFor('report', 'run-unfinished', { fields: { path: 'my runs/one' } })).toBe(
      "finish it: auto-circuit discover --resume --out 'my runs/one'",
    );
  });

  it('names flags of commands that are not loaded, as in the built program', async () => {
    const line = (name: string) => ({ name, doc: name, args: [], hasFlags: true, group: '' });
    const catalog = { version: '', commands: [line('report'), line('discover')], lists: {} };
    const loaded = programOf(await neededCommands(['report', 'run'], catalog), streams);
    const words = flagsOfCommand(loaded.commands.find((one) => one.name() === 'report')!);
    expect(withAdvice(parts('run-unfinished', { fields: { path: 'run' } }), words).fix).toBe(
      'finish it: auto-circuit discover --resume --out run',
    );
    expect(words('--resume')).toBeNull();
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
