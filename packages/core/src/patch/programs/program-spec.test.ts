import { describe, expect, it } from 'vitest';
import type { EdgeMeasure } from '../requests/patchable-model.js';
import { objectiveShape, type ProgramSpec, programKey } from './program-spec.js';

describe('programKey', () => {
  it('names every field that is set, and says nothing of flags that are off', () => {
    const spec = { kind: 'patched', supply: 'fed', perItem: false } as const;
    expect(programKey(spec)).toBe('patched supply=fed');
    expect(programKey({ ...spec, perItem: true })).toBe('patched perItem supply=fed');
    expect(programKey({ kind: 'capture' })).toBe('capture');
  });

  it('does not depend on the order of fields, at any depth', () => {
    const key = (masks: { start: string; site: string }) =>
      programKey({ kind: 'sparse', base: 'noising', supply: 'fed', masks });
    expect(key({ site: 'L1.mlp', start: 'L1.attn' })).toBe(key({ start: 'L1.attn', site: 'L1.mlp' }));
    expect(key({ site: 'L1.attn', start: 'L1.mlp' })).not.toBe(key({ start: 'L1.attn', site: 'L1.mlp' }));
  });

  it('tells names apart that hold what keys are made of', () => {
    const named = (name: string): ProgramSpec => ({ kind: 'edge-measure', measure: { name, of: (_b, read) => read } });
    const names = ['a', 'a}', 'a b', 'a,name:b', '"a"', 'a=b', ''];
    expect(new Set(names.map((name) => programKey(named(name)))).size).toBe(names.length);
  });

  it('tells gradients with other backward rules apart, by their order too', () => {
    const shared = { kind: 'gradient', forward: 'atZero', supply: 'fused', neurons: false, losses: false } as const;
    const [a, b] = [
      { kind: 'stop', role: 'scale' },
      { kind: 'scale', role: 'mlp.gate', factor: 0.5 },
    ] as const;
    const lists = [[], [a], [b], [a, b], [b, a], [{ ...b, factor: 0.25 }]];
    const keys = lists.map((backward) => programKey({ ...shared, objective: { kind: 'kl' }, backward }));
    expect(new Set(keys).size).toBe(lists.length);
  });
});

describe('objectiveShape', () => {
  it('leaves out what is fed', () => {
    const targets = { dtype: 'float' as const, shape: [1, 2], data: new Float32Array(2) };
    expect(objectiveShape({ kind: 'mse', tokenFunction: 'prob', targets })).toEqual({
      kind: 'mse',
      tokenFunction: 'prob',
    });
    expect(objectiveShape({ kind: 'kl', referenceLogits: targets })).toEqual({ kind: 'kl' });
  });
});

describe('keys of what JSON cannot hold', () => {
  it('tell two measures of one name apart, and numbers that JSON makes null', () => {
    const keyOf = (measure: EdgeMeasure): string => programKey({ kind: 'edge-measure', measure });
    const [one, other] = [1, 2].map((factor): EdgeMeasure => ({ name: 'same', of: (b, read) => b.mul(read, factor) }));
    expect(keyOf(one!)).not.toBe(keyOf(other!));
    expect(keyOf(one!)).toBe(keyOf({ ...one! }));
    const temperatures = [Number.POSITIVE_INFINITY, Number.NaN, 0, -0].map((temperature) =>
      programKey({
        kind: 'gradient',
        forward: 'atZero',
        supply: 'fed',
        neurons: false,
        objective: { kind: 'kl' },
        losses: false,
        backward: [{ kind: 'soften', role: 'attn.pattern', temperature } as never],
      }),
    );
    expect(new Set(temperatures).size).toBe(4);
  });
});
