import { describe, expect, it } from 'vitest';
import type { AutoCircuitError } from '../../errors/error.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../../graph/build.js';
import { microModel } from '../../testing/micro-model.js';
import { checkMemory } from './memory-check.js';

const MIB = 2 ** 20;

describe('the check before anything is loaded', () => {
  // Read at every position: its heads move nothing between positions, so that one alone would want one position alone.
  const micro = microModel();
  const model = { ...micro, spec: { ...micro.spec, outputs: 'all' as const } };
  const graph = buildGraph(model.spec.layout, DEFAULT_GRAPH_OPTIONS);
  const check = (mib: number, length: number, gradients: boolean) => () =>
    checkMemory({ model, graph, memoryBytes: mib * MIB, length, gradients });
  it('asks for more where there are gradients, and for longer prompts', () => {
    /** The least limit in bytes, which the refusal of a smaller one names. */
    const least = (length: number, gradients: boolean): number => {
      try {
        check(1, length, gradients)();
      } catch (error) {
        return (error as AutoCircuitError).fields.bytes as number;
      }
      return 0;
    };
    const [short, plain, gradient] = [least(3, true), least(200_000, false), least(200_000, true)];
    expect(gradient).toBeGreaterThan(plain);
    expect(plain).toBeGreaterThan(short);
    expect(check(Math.ceil(plain / MIB), 200_000, false)).not.toThrow();
    expect(check(100, 3, false)).toThrow(
      expect.objectContaining({
        code: 'memory-limit',
        fields: expect.objectContaining({ limit: 100 * MIB, length: 3 }),
      }),
    );
  });
});
