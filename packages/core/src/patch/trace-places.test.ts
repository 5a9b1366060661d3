import { describe, expect, it } from 'vitest';
import { buildGraph } from '../graph/build.js';
import type { ModelObject } from '../model/model.js';
import { tinyTransformer } from '../testing/tiny-transformer.js';
import { makeProgram } from './make-program.js';

const right = tinyTransformer({ heads: 4, kvHeads: 2 });
/** Keys normed across the heads of the checkpoint, however many there are: wrong where each query head has keys of its own. */
const acrossCheckpointHeads: ModelObject = {
  ...right,
  trace: (points) =>
    right.trace({
      ...points,
      intoHeads(site, ...rest) {
        const { q, k, v } = points.intoHeads(site, ...rest);
        const b = points.builder;
        const [, , batch, pos, dHead] = k.shape as [number, number, number, number, number];
        const flat = b.reshape(k, [2, 1, batch, pos, dHead]); // [kvHeads, 1, batch, pos, dHead]
        return { q, k: b.reshape(flat, k.shape), v };
      },
    }),
};

describe('an operation of a trace that does not fit', () => {
  it('is named with the patch point that the trace has passed last, and the program', () => {
    const graph = buildGraph(right.spec.layout);
    const make = (): unknown =>
      makeProgram({ kind: 'patched', supply: 'fed', perItem: false }, { model: acrossCheckpointHeads, graph });
    expect(make).toThrowError(
      expect.objectContaining({
        code: 'wrong-shape',
        fields: expect.objectContaining({ place: "intoHeads('L0.attn')", program: 'patched' }),
      }),
    );
    expect(make).toThrowError(/in the trace of tiny, at or after intoHeads\('L0\.attn'\).*reshape changes the number/);
  });
});
