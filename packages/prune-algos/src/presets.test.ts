import { type PruneAlgo, parseOptions } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { PRESETS, presetNamed, presetOptions, pruneAlgosPlugin } from './index.js';

const setting = { edgeCount: 32_491, trueSize: 1041, trueEdges: ['A0.0->Resid End', 'MLP 1->Resid End'] };

describe('presets', () => {
  it.each(PRESETS.map((preset) => [preset.name, preset] as const))(
    '%s: its algorithm takes the options',
    (_, preset) => {
      const algo = pruneAlgosPlugin.contributes.find(({ name }) => name === preset.algo) as PruneAlgo;
      const options = presetOptions(preset, setting);
      expect(parseOptions(algo.options, options, preset.name)).toMatchObject(options);
    },
  );
  it('train as AutoCircuit does, whatever our defaults are', () => {
    const ours = { rateWarmup: 0, rateDecay: 'none', descent: 0, countBy: 'sample', learningRate: 0.1 };
    const init = Math.log((0.9 - -0.1) / (1.1 - 0.9)); // ln 5, +1.609 for subnetwork probing and −1.609 for circuit probing
    const trained = PRESETS.filter(({ algo }) => algo.endsWith('-probing'));
    expect(trained).toHaveLength(7);
    for (const { algo, options, name } of trained) {
      const start = algo === 'subnetwork-probing' ? init : -init;
      expect(options, name).toMatchObject({ ...ours, init: start });
    }
  });
  it('are 18, each by name and title', () => {
    expect(new Set(PRESETS.flatMap(({ name, title }) => [name, title])).size).toBe(36);
    expect(presetNamed('Tree Probing')).toBe(presetNamed('tree-probing'));
    expect(() => presetNamed('tree-prob')).toThrow(
      expect.objectContaining({
        code: 'unknown-name',
        fields: expect.objectContaining({ nearest: expect.arrayContaining(['tree-probing']) }),
      }),
    );
  });
  it('are the known circuit itself only where one is given', () => {
    const official = presetNamed('Official Circuit');
    expect(presetOptions(official, setting)).toEqual({ edges: 'A0.0->Resid End,MLP 1->Resid End' });
    expect(() => presetOptions(official, { edgeCount: 110 })).toThrow(
      expect.objectContaining({ code: 'no-known-circuit', fields: { preset: 'official-circuit' } }),
    );
  });
  it('aim at the size of the known circuit, among the sizes that the graph has', () => {
    const tree = presetNamed('tree-probing');
    expect(presetOptions(tree, setting).sizes).toBe('100,1000,1041,10000');
    expect(presetOptions(tree, { edgeCount: 1120, trueSize: 100 }).sizes).toBe('100,1000');
    expect(() => presetOptions(tree, { edgeCount: 1120 })).toThrow(
      expect.objectContaining({ code: 'no-known-circuit', message: expect.stringMatching(/from 1 to 1120, got none/) }),
    );
    expect(() => presetOptions(tree, { edgeCount: 1120, trueSize: 1121 })).toThrow(
      expect.objectContaining({
        code: 'invalid-edge-count',
        fields: { preset: 'tree-probing', edges: 1121, edgeCount: 1120 },
      }),
    );
    expect(presetOptions(presetNamed('subnetwork-edge-probing'), setting)).not.toHaveProperty('sizes');
  });
});
