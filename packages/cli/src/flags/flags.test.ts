/** @file Tables of flags, and options as flags. */
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addFlags, type FlagTable, readFlags } from './flag-table.js';
import { backendSettings, DATA_FLAGS, GRAPH_FLAGS, graphOptions, modelFlags } from './shared-flags.js';
import { parseTableFlags, splitTableFlags } from './table-flags.js';

function read<T extends FlagTable>(
  table: T,
  args: readonly string[],
  defaults: Readonly<Record<string, unknown>> = {},
) {
  const command = addFlags(new Command('test'), table).exitOverride();
  command.parse([...args], { from: 'user' });
  return readFlags(command, table, defaults);
}

describe('flags', () => {
  it('values come from the command line, else the config, else the table', () => {
    expect(read(DATA_FLAGS, [])).toEqual({
      skipUnfit: false,
      bos: 'auto',
      length: undefined,
      limit: undefined,
      batchSize: 32,
      seed: 0,
    });
    expect(read(DATA_FLAGS, ['--batch-size', '4'], { batchSize: 8, seed: 3 })).toMatchObject({ batchSize: 4, seed: 3 });
    expect(() => read(DATA_FLAGS, [], { seed: -1 })).toThrow(
      '[config] the default "seed" is not valid: expected a whole number from 0',
    );
  });

  it('a path is not empty, which would be the folder at hand; other text may be', () => {
    const out = { out: { type: 'string', placeholder: 'DIR', doc: 'a folder', unset: 'none' } } as const;
    expect(read(out, ['--out', '.'])).toEqual({ out: '.' });
    expect(() => read(out, ['--out', ''])).toThrow('[test] --out is not valid: expected a path, got ""');
    const text = { word: { type: 'string', doc: 'a word', unset: 'none' } } as const;
    expect(read(text, ['--word', ''])).toEqual({ word: '' });
  });

  it('pairs of flags: the opposite is false, both at once are refused', () => {
    expect(read(GRAPH_FLAGS, [])).toMatchObject({ factorized: true, splitQkv: true });
    const values = read(GRAPH_FLAGS, ['--residual', '--joint-qkv', '--token-positions']);
    expect(values).toMatchObject({ factorized: false, splitQkv: false, tokenPositions: true });
    expect(graphOptions(values, 12)).toEqual({
      factorized: false,
      splitQkv: false,
      positions: 12,
      kvInputs: 'query-head',
    });
    expect(() => read(GRAPH_FLAGS, ['--residual', '--factorized'])).toThrow(
      expect.objectContaining({
        code: 'conflicting-options',
        fields: { options: ['--factorized', '--residual'] },
      }),
    );
    expect(read(GRAPH_FLAGS, ['--factorized'], { factorized: false }).factorized).toBe(true);
  });

  it('--no-process is false, and each command has its own default', () => {
    const table = modelFlags(true);
    expect(read(table, []).process).toBe(true);
    expect(read(table, ['--no-process']).process).toBe(false);
    expect(read(table, ['--no-process', '--process']).process).toBe(true);
    expect(read(table, [], { process: false }).process).toBe(false);
    expect(read(modelFlags(false), []).process).toBe(false);
  });

  it('--memory is in GiB', () => {
    expect(backendSettings({ backend: 'onnx', device: undefined, threads: 2, memory: 1.5 })).toEqual({
      threads: 2,
      memoryBytes: 1.5 * 2 ** 30,
    });
  });
});

describe('options as flags', () => {
  it('are split off, with = or a value after it, or alone', () => {
    const { rest, flags } = splitTableFlags([
      'discover',
      '--algo.steps',
      '5',
      '--algo.mode=a=b',
      '--algo.freeze',
      '--json',
      '--algo.x',
      '-1',
      '--',
      '--algo.y',
    ]);
    expect(rest).toEqual(['discover', '--json', '--', '--algo.y']);
    expect(flags.map(({ name, value }) => [name, value])).toEqual([
      ['steps', '5'],
      ['mode', 'a=b'],
      ['freeze', 'true'],
      ['x', '-1'],
    ]);
    expect(splitTableFlags(['--algo.freeze']).flags).toEqual([{ prefix: 'algo', name: 'freeze', value: 'true' }]);
  });

  it('are read by their table; other prefixes are others’', () => {
    const table = { maxSteps: { type: 'int', default: 5, doc: 'steps' } } as const;
    const { flags } = splitTableFlags(['--algo.max-steps', '7', '--metric.x', '3']);
    expect(parseTableFlags(flags, 'algo', table, 'eap')).toEqual({ maxSteps: 7 });
    const twice = splitTableFlags(['--algo.max-steps', '7', '--algo.maxSteps', '8']).flags;
    expect(() => parseTableFlags(twice, 'algo', table, 'eap')).toThrow(
      expect.objectContaining({ code: 'usage', where: 'eap', fields: { option: '--algo.maxSteps' } }),
    );
    expect(() => parseTableFlags(flags, 'metric', table, 'kl')).toThrow('[kl] unknown option "x"');
  });
});
