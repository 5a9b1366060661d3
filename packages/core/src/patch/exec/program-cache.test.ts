import { describe, expect, it } from 'vitest';
import type { Backend, WeightStore } from '../../backend/backend.js';
import { interpreterBackend } from '../../backend/interpreter/interpreter.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { floatTensor } from '../../tensor/tensor.js';
import type { ProgramSpec } from '../programs/program-spec.js';
import type { EdgeMeasure } from '../requests/patchable-model.js';
import { MemoryPlan } from './memory-plan.js';
import { ProgramCache, type Use } from './program-cache.js';

const GIB = 2 ** 30;
/** So many bytes of weights in a file, which no program here reads. */
const weightsOf = (bytes: number): WeightStore => ({
  key: 'test',
  names: ['w'],
  entry: () => ({ shape: [bytes / 4], file: '/nowhere', byteOffset: 0 }),
  read: () => new Float32Array(),
});
/** A spec of that name; all are the same small program. (One function, as another would be another program.) */
const of: EdgeMeasure['of'] = (_b, read) => read;
const named = (name: string): ProgramSpec => ({ kind: 'edge-measure', measure: { name, of } });
function adding(spec: ProgramSpec) {
  const b = new ProgramBuilder(spec.kind === 'edge-measure' ? spec.measure.name : spec.kind);
  b.output('y', b.add(b.input('x', 'float', ['n']), 1));
  return b.build();
}
const feeds = { x: floatTensor(Float32Array.of(1), [1]) };

function watched(weightBytes: number) {
  const inner = interpreterBackend();
  const log: string[] = [];
  const backend: Backend = {
    ...inner,
    async compile(program, ...rest) {
      log.push(`+${program.name}`);
      const executable = await inner.compile(program, ...rest);
      return {
        ...executable,
        async dispose() {
          log.push(`-${program.name}`);
          await executable.dispose();
        },
      };
    },
  };
  const weights = weightsOf(weightBytes);
  const plan = new MemoryPlan({ bytes: 64 * GIB, strict: false }, weights);
  const programs = new ProgramCache({ backend, weights, plan, make: adding, onDebug: () => undefined });
  const run = async (...uses: [string, Use][]) => {
    for (const [name, use] of uses) expect((await programs.run(named(name), feeds, use)).y!.data[0]).toBe(2);
    return log.splice(0);
  };
  return { programs, run };
}
const GRADIENT: [string, Use] = ['gradient', { big: true }];
const PASS_1: [string, Use] = ['pass-1', { repeated: false }];
const PATCHED: [string, Use] = ['patched', {}];

describe('programs of a large model', () => {
  it('let go of what runs before a gradient, but not of what comes back between gradients', async () => {
    const { run } = watched(GIB);
    expect(await run(PASS_1, GRADIENT)).toEqual(['+pass-1', '-pass-1', '+gradient']);
    expect(await run(PASS_1, GRADIENT, PASS_1)).toEqual(['+pass-1']);
  });
  it('let go of the gradient for what runs after it, and for pass 1 that comes for the first time', async () => {
    const { run } = watched(GIB);
    expect(await run(GRADIENT, PASS_1)).toEqual(['+gradient', '-gradient', '+pass-1']);
    const other = watched(GIB);
    expect(await other.run(PASS_1, GRADIENT, PASS_1, PATCHED)).toEqual([
      '+pass-1',
      '-pass-1',
      '+gradient',
      '+pass-1',
      '-gradient',
      '+patched',
    ]);
  });
});

describe('programs of a small model', () => {
  it('stay alive together, the least used let go when there are too many', async () => {
    const { run, programs } = watched(2 ** 20);
    expect(await run(PASS_1, GRADIENT, PATCHED, PASS_1)).toEqual(['+pass-1', '+gradient', '+patched']);
    const more = ['a', 'b', 'c', 'd'].map((name): [string, Use] => [name, {}]);
    expect(await run(...more)).toEqual(['+a', '+b', '+c', '-gradient', '+d']);
    await programs.dispose();
  });
});
