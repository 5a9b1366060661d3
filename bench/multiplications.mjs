/** @file How many numbers the products of a case multiply: its floor, whatever else it does. */
import { checkFeeds, evaluateDim, sizeOf } from '@auto-circuit/core/backend';

/** A backend that counts the multiplications of every matmul it runs while `counter.on`; others cost a run next to nothing. */
export function countingBackend(backend) {
  const counter = { on: false, multiplications: 0 };
  return {
    counter,
    backend: {
      ...backend,
      info: backend.info,
      async compile(program, weights, hint) {
        const executable = await backend.compile(program, weights, hint);
        const run = (feeds) => {
          if (counter.on) counter.multiplications += multiplications(program, checkFeeds(program, feeds));
          return executable.run(feeds);
        };
        return { run, dispose: () => executable.dispose() };
      },
      dispose: () => backend.dispose(),
    },
  };
}

/** Of a program whose symbols have these sizes: each entry of a product sums over the last axis of its left side, or the one before. */
function multiplications({ values }, sizes) {
  let sum = 0;
  for (const { op, inputs, shape, attributes } of values) {
    if (op !== 'matmul') continue;
    const inner = values[inputs[0]].shape.at(attributes.transposeA ? -2 : -1);
    sum += evaluateDim(sizeOf(shape), sizes) * evaluateDim(inner, sizes);
  }
  return sum;
}
