/** @file What the products of a case multiply, and the bytes that they read and write at least: its two floors, whatever else it does. */
import { checkFeeds, evaluateDim, sizeOf } from '@auto-circuit/core/backend';

/** A backend that counts multiplications and bytes of every matmul it runs while `counter.on`; others cost a run next to nothing. */
export function countingBackend(backend) {
  const counter = { on: false, multiplications: 0, bytes: 0 };
  return {
    counter,
    backend: {
      ...backend,
      info: backend.info,
      async compile(program, weights, hint) {
        const executable = await backend.compile(program, weights, hint);
        const run = (feeds) => {
          if (counter.on) {
            const work = products(program, checkFeeds(program, feeds));
            counter.multiplications += work.multiplications;
            counter.bytes += work.bytes;
          }
          return executable.run(feeds);
        };
        return { run, dispose: () => executable.dispose() };
      },
      dispose: () => backend.dispose(),
    },
  };
}

/**
 * Of a program whose symbols have these sizes: each entry of a product sums over the last axis of its left side, or the one
 * before; both sides are read once and the result is written once, in float32.
 */
function products({ values }, sizes) {
  const count = (shape) => evaluateDim(sizeOf(shape), sizes);
  const work = { multiplications: 0, bytes: 0 };
  for (const { op, inputs, shape, attributes } of values) {
    if (op !== 'matmul') continue;
    const sides = inputs.map((input) => values[input].shape);
    const inner = sides[0].at(attributes.transposeA ? -2 : -1);
    work.multiplications += count(shape) * evaluateDim(inner, sizes);
    work.bytes += 4 * [...sides, shape].reduce((sum, one) => sum + count(one), 0);
  }
  return work;
}
