import { describe, expect, it } from 'vitest';
import type { Backend, Results } from '../backend/backend.js';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { AutoCircuitError } from '../errors/error.js';
import type { Tensor } from '../tensor/tensor.js';
import { type BackendContractOptions, backendContract } from './backend-contract.js';
import { runContract } from './contract.js';

for (const precision of ['float64', 'float32'] as const) {
  runContract(
    `interpreter in ${precision}`,
    backendContract(async () => interpreterBackend({ precision })),
    { describe, it },
  );
}

/** The interpreter with its results changed. */
const spoiled = (change: (results: Results) => Results) => async (): Promise<Backend> => {
  const backend = interpreterBackend({ precision: 'float32' });
  return {
    ...backend,
    async compile(program, weights) {
      const executable = await backend.compile(program, weights);
      return { ...executable, run: async (feeds) => change(await executable.run(feeds)) };
    },
  };
};
async function failures(makeBackend: () => Promise<Backend>, options: BackendContractOptions = {}): Promise<string[]> {
  const failed: string[] = [];
  for (const check of backendContract(makeBackend, { randomPrograms: 3, ...options })) {
    await check.run().catch((error: unknown) => {
      expect(error).toBeInstanceOf(AutoCircuitError);
      failed.push(check.name);
    });
  }
  return failed;
}

describe('backendContract', () => {
  it('finds results that are slightly wrong, of another shape or dropped', async () => {
    const off = (x: number): number => x + 1e-4 * Math.max(1, Math.abs(x)); // about 800 roundings
    const edits: ((results: Results) => Results)[] = [
      (results) =>
        Object.fromEntries(
          Object.entries(results).map(([name, t]) => [name, { ...t, data: Float32Array.from(t.data, off) }]),
        ),
      (results) =>
        Object.fromEntries(Object.entries(results).map(([name, t]) => [name, { ...t, shape: [1, ...t.shape] }])),
      () => ({}),
    ];
    for (const edit of edits) {
      expect(await failures(spoiled(edit))).toEqual(
        expect.arrayContaining([
          'op matmul',
          'op weight',
          '3 random programs',
          'runs several times, at once, without mixing results up',
        ]),
      );
    }
  });
  it('finds results that are views, and runs that leave something behind', async () => {
    let held = 0;
    const leaking = async (): Promise<Backend> => {
      const backend = interpreterBackend({ precision: 'float32' });
      return {
        ...backend,
        async compile(program, weights) {
          const executable = await backend.compile(program, weights);
          const known = new Map<string, Tensor>();
          return {
            ...executable,
            async run(feeds) {
              const results = await executable.run(feeds);
              held++;
              // The same array for the same numbers.
              return Object.fromEntries(
                Object.entries(results).map(([name, result]) => {
                  const key = `${name} ${result.shape} ${result.dtype === 'float' ? result.data.slice(0, 3) : 0}`;
                  if (!known.has(key)) known.set(key, result);
                  return [name, known.get(key)!];
                }),
              );
            },
          };
        },
      };
    };
    const found = await failures(leaking, { live: () => held });
    expect(found).toEqual(expect.arrayContaining(["gives results that are the caller's own", 'releases everything']));
  });
  it('finds backends that take any feed', async () => {
    const lenient = async (): Promise<Backend> => {
      const backend = interpreterBackend();
      return {
        ...backend,
        async compile(program, weights) {
          const executable = await backend.compile(program, weights);
          return { ...executable, run: async (feeds) => executable.run(feeds).catch(() => ({})) };
        },
      };
    };
    expect(await failures(lenient)).toEqual([
      'refuses feeds and weights that do not fit, in a sentence',
      'refuses indices that are out of range, and goes on',
      'refuses runs after dispose()',
    ]);
  });
});
