import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { memoryWeights } from '../../backend/memory-weights.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { multiplyDims } from '../../ir/program/dims.js';
import { floatTensor, intTensor, type Tensor } from '../../tensor/tensor.js';
import { graphOf } from '../../testing/patched-logits.js';
import { TINY, tinyTransformer } from '../../testing/tiny-transformer.js';
import { EdgeSums } from './edge-sums.js';
import { CACHED_INPUT, cachedEdgeSumInput, columnsInput, edgeSumInput, MASKS } from './names.js';

const GRAPH = graphOf(tinyTransformer({ layers: 1 }));
const MODEL = TINY.dModel;
/** [rows, batch, 1, dModel], every number of a row and item the same. */
const filled = (rows: readonly (readonly number[])[]): Tensor =>
  floatTensor(Float64Array.from(rows.flat().flatMap((x) => Array<number>(MODEL).fill(x))), [
    rows.length,
    rows[0]!.length,
    1,
    MODEL,
  ]);
const table = (...rows: readonly (readonly number[])[]): Tensor =>
  floatTensor(Float64Array.from(rows.flat()), [rows.length, rows[0]!.length]);
const list = (...values: readonly number[]): Tensor => intTensor(Int32Array.from(values), [values.length]);
/** One number a row and item of [rows, items, 1, dModel], whose numbers must all be the same. */
const rowsOf = ({ shape, data }: Tensor): number[][] => {
  const [rows, items] = shape as [number, number];
  expect(new Set(data).size).toBeLessThanOrEqual(rows * items);
  return Array.from({ length: rows }, (_, r) =>
    Array.from({ length: items }, (_item, i) => data[(r * items + i) * MODEL]!),
  );
};

describe('edge sums', () => {
  it('add coefficients times differences to the residual; a site with heads starts those of the sites after it', () => {
    const b = new ProgramBuilder('edge-sums');
    const sums = new EdgeSums({ builder: b, graph: GRAPH, base: 'noising', entry: null, together: false });
    const input = (name: string, rows: number) => b.input(name, 'float', [rows, 'batch', 'pos', MODEL]);
    sums.add('start', input('D start', 1));
    b.output('attn', sums.withFollowers('L0.attn', 2, input('residual', 1)));
    sums.add('L0.attn', input('D heads', 2));
    b.output('mlp', sums.at('L0.mlp', 1, input('residual after heads', 1)));
    const feeds = {
      residual: filled([[1, 2]]),
      'residual after heads': filled([[3, 4]]),
      'D start': filled([[10, 20]]),
      'D heads': filled([[100, 200], [1000, 2000]]), // biome-ignore format: rows
      [columnsInput('L0.attn', 'start')]: list(0),
      [edgeSumInput('L0.attn')]: table([1, 0.5], [1, 2], [0, 3], [0, 0]), // two rows of its own, the MLP's, the end's
      [columnsInput('L0.mlp', 'L0.attn')]: list(1),
      [edgeSumInput('L0.mlp')]: table([1, 0.25]),
    };
    const { attn, mlp } = interpret(b.build(), feeds, memoryWeights({}));
    expect(rowsOf(attn!)).toEqual([
      [1 + 0.5 * 10, 2 + 0.5 * 20],
      [1 + 2 * 10, 2 + 2 * 20],
      [3 * 10, 3 * 20],
      [0, 0],
    ]);
    expect(rowsOf(mlp!)).toEqual([[3 + 3 * 10 + 0.25 * 1000, 4 + 3 * 20 + 0.25 * 2000]]);
  });

  it('add cached sources, which all masks share, with each mask’s own coefficients', () => {
    const b = new ProgramBuilder('edge-sums');
    const entry = { start: 'L0.mlp', site: 'L0.mlp' };
    const sums = new EdgeSums({ builder: b, graph: GRAPH, base: 'noising', entry, together: false });
    expect(sums.wide).toEqual(multiplyDims(MASKS, 'batch'));
    b.output('mlp', sums.at('L0.mlp', 1, b.input('residual', 'float', [1, sums.wide, 'pos', MODEL])));
    const feeds = {
      residual: filled([[1, 2, 1, 2, 1, 2]]), // three masks of two prompts
      [CACHED_INPUT]: filled([[10, 20], [100, 200]]), // biome-ignore format: rows
      [edgeSumInput('L0.mlp')]: table([1], [0]), // its own row, and the end's
      [cachedEdgeSumInput('L0.mlp')]: floatTensor(Float64Array.of(0, 1, 0, 0, 1, 0, 0, 0, 0.5, 0.5, 0, 0), [3, 2, 2]),
    };
    const { mlp } = interpret(b.build(), feeds, memoryWeights({}));
    expect(rowsOf(mlp!)).toEqual([[1 + 100, 2 + 200, 1 + 10, 2 + 20, 1 + 5 + 50, 2 + 10 + 100]]);
  });
});
