/** @file A backend that runs several micro-batches at once gives what one gives that runs them in turn, bit for bit. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../backend/backend.js';
import { interpreterBackend } from '../../backend/interpreter/interpreter.js';
import { buildGraph } from '../../graph/build.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { seededRandom } from '../../numeric/seeded-random.js';
import type { Prompt, PromptBatch } from '../../prompts/types.js';
import { microModel } from '../../testing/micro-model.js';
import { createPatchableModel } from '../engine.js';

const random = seededRandom(5, 'parallel');
const side = (): number[][] => Array.from({ length: 3 }, () => [random.uniform(), random.uniform()]);
const prompts = Array.from(
  { length: 7 },
  (_, index): Prompt => ({ index, clean: side(), corrupt: side(), answers: [0], wrongAnswers: [1] }),
);
const BATCH: PromptBatch = { length: 3, prompts };

/** Runs end in another order than they were begun. */
function slowed(parallel: number): { backend: Backend; highest: () => number } {
  const inner = interpreterBackend();
  let [running, highest] = [0, 0];
  const backend: Backend = {
    ...inner,
    parallel,
    async compile(...args) {
      const executable = await inner.compile(...args);
      return {
        ...executable,
        async run(feeds) {
          highest = Math.max(highest, ++running);
          await sleep(random.uniform() * 8);
          running--;
          return executable.run(feeds);
        },
      };
    },
  };
  return { backend, highest: () => highest };
}

async function numbers(parallel: number, keepBytes: number) {
  const model = microModel();
  const graph = buildGraph(model.spec.layout);
  const { backend, highest } = slowed(parallel);
  const patchable = await createPatchableModel({ model, graph, backend, microBatchTokens: 3, keepBytes });
  const patch = { kind: 'resample', from: 'corrupt' } as const;
  const objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
  const mask = maskFromEdges(graph, [0, 2, 5], { inside: 0, outside: 1 });
  const results = [
    await patchable.patchedRun(BATCH, { input: 'clean', patch, mask }),
    await patchable.patchedRun(BATCH, { input: 'clean', patch: { kind: 'batch-mean', from: 'corrupt' }, mask }),
    await patchable.maskGradient(BATCH, { input: 'clean', patch, objective }),
    await patchable.maskGradient(BATCH, {
      input: 'clean',
      patch,
      objective,
      at: { kind: 'mask', mask: 0.3 },
      losses: true,
    }),
    await patchable.maskGradient(BATCH, { input: 'clean', patch, objective, at: { kind: 'input', alpha: 0.5 } }),
  ];
  await patchable.dispose();
  return { results, highest: highest() };
}

describe('micro-batches at once', () => {
  it.each([
    ['kept', 2 ** 30],
    ['not kept', 0],
  ] as const)('pass 1 %s', async (_, keepBytes) => {
    const [one, three] = [await numbers(1, keepBytes), await numbers(3, keepBytes)];
    expect([one.highest, three.highest]).toEqual([1, 3]);
    expect(three.results).toEqual(one.results);
  });
});

describe('a model that is disposed while it runs', () => {
  it('ends what is under way first, and gives its result', async () => {
    const model = microModel();
    const graph = buildGraph(model.spec.layout);
    const inner = interpreterBackend();
    let [running, disposedWhileRunning] = [0, 0];
    const backend: Backend = {
      ...inner,
      async compile(...args) {
        const executable = await inner.compile(...args);
        return {
          async run(feeds) {
            running++;
            await sleep(20);
            running--;
            return executable.run(feeds);
          },
          async dispose() {
            disposedWhileRunning += running;
            await executable.dispose();
          },
        };
      },
    };
    const patchable = await createPatchableModel({ model, graph, backend });
    const patch = { kind: 'resample', from: 'corrupt' } as const;
    const mask = maskFromEdges(graph, [0], { inside: 0, outside: 1 });
    const before = await patchable.patchedRun(BATCH, { input: 'clean', patch, mask });
    const late = patchable.patchedRun(BATCH, { input: 'clean', patch, mask });
    await sleep(1);
    await patchable.dispose();
    expect(disposedWhileRunning).toBe(0);
    expect(await late).toEqual(before);
  });
});
