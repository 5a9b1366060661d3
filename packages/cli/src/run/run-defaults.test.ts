import { runSchema } from '@auto-circuit/core/run';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { runDefaults } from './run-defaults.js';

const named = (name: string) => ({ name, options: {} });
const run = runSchema.parse({
  format: 'auto-circuit run 1',
  asked: {
    model: { name: 'ioi-mini', key: 'abc', processing: [] },
    data: { name: 'ioi-mini', hash: 'def', bos: 'added' },
    graph: { factorized: true, splitQkv: true, kvInputs: 'query-head' },
    algo: named('eap'),
    metrics: [named('kl')],
    objective: 'logit-diff',
    rankBy: 'absolute',
    ...{ ablation: 'resample', ablateFrom: 'corrupt', patchType: 'tree', reverse: false },
    sizes: { by: 'list', counts: [10] },
    keep: 10,
    ...{ batchSize: 32, limit: null, length: null, train: null, test: null, seed: 3 },
    backend: { name: 'onnx', device: 'cpu', threads: 2 },
  },
  sources: { task: 'ioi-mini' },
  graph: { sources: 1, destinations: 1, edges: 1 },
  prompts: { train: 1, test: 1, lengths: {} },
  versions: {},
  runtime: '',
});

const defaultsOf = (...args: string[]) => {
  const command = new Command('evaluate').option('--backend <NAME>', 'what runs the programs', 'onnx');
  return runDefaults(run, command.parse(args, { from: 'user' }));
};

describe('the settings of a run', () => {
  it('are the defaults of a command on it', () => {
    const place = { backend: 'onnx', device: 'cpu', threads: 2 };
    expect(defaultsOf()).toMatchObject({ task: 'ioi-mini', seed: 3, factorized: true, ...place });
    expect(defaultsOf('--backend', 'onnx')).toMatchObject(place);
  });

  it('but for device and threads where another backend is named, which has its own', () => {
    const defaults = defaultsOf('--backend', 'tfjs');
    expect(defaults).toMatchObject({ task: 'ioi-mini', seed: 3 });
    for (const flag of ['backend', 'device', 'threads']) expect(defaults).not.toHaveProperty(flag);
  });
});
