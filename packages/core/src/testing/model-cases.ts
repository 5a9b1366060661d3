/**
 * @file The forms in which the programs of real models (plain, patched, gradients; GPT-2, NeoX, Llama, Gemma) use the ops:
 * heads and sources in front of batch and pos, batch and pos joined, masks that lack axes, slices of stacked weights.
 */
import type { ProgramBuilder } from '../ir/builder/builder.js';
import { addDims, type DimLike, multiplyDims } from '../ir/program/dims.js';
import type { AnyValue, OpName } from '../ir/program/program.js';
import type { OpCase } from './op-cases.js';

type B = ProgramBuilder;
type Shape = readonly DimLike[];
const [BATCH, POS] = ['batch', 'pos'];
const BOTH = multiplyDims(BATCH, POS);
/** Odd on purpose: heads, sources, width of a head, width of the residual stream. */
const [HEADS, SOURCES, HEAD, MODEL] = [3, 5, 4, 7];
const joined = (size: number): DimLike => multiplyDims(size, BATCH, POS);

const one = (title: string, make: (b: B) => AnyValue): OpCase => ({ title, build: (b) => b.output('y', make(b)) });
const x = (b: B, shape: Shape): AnyValue => b.input('x', 'float', shape);
/** Fixes the symbols where the operands do not. */
const withSymbols =
  (make: (b: B) => AnyValue) =>
  (b: B): AnyValue => {
    b.input('symbols', 'float', [BATCH, POS]);
    return make(b);
  };
const text = (shape: Shape): string => `[${shape.map((d) => (typeof d === 'object' ? 'joined' : d)).join(', ')}]`;
const matmul = (left: Shape, right: Shape, { a = false, b: transposeB = false } = {}): OpCase =>
  one(
    `${text(left)}${a ? ' transposed' : ''} times ${text(right)}${transposeB ? ' transposed' : ''}`,
    withSymbols((b) =>
      b.matmul(b.input('left', 'float', left), b.input('right', 'float', right), { transposeA: a, transposeB }),
    ),
  );
const pair = (left: Shape, right: Shape): OpCase[] =>
  (['add', 'mul'] as const).map((op) =>
    one(
      `${op} of ${text(left)} and ${text(right)}`,
      withSymbols((b) => b[op](b.input('left', 'float', left), b.input('right', 'float', right))),
    ),
  );

const HEAD_ROWS: Shape = [HEADS, 1, BATCH, POS, HEAD];
const PATTERN: Shape = [HEADS, 1, BATCH, POS, POS];
const STREAMS: Shape = [SOURCES, BATCH, POS, MODEL];

const STREAM_ORDERS = [
  [1, 2, 0, 3],
  [2, 0, 1, 3],
  [3, 1, 0, 2],
] as const;

/** By op: programs that use it as real models do. */
export const MODEL_CASES: Readonly<Partial<Record<OpName, readonly OpCase[]>>> = Object.freeze({
  matmul: [
    matmul([BOTH, MODEL], [MODEL, 11]),
    matmul([BOTH, MODEL], [11, MODEL], { b: true }),
    matmul(HEAD_ROWS, HEAD_ROWS, { b: true }),
    matmul(PATTERN, HEAD_ROWS),
    matmul(PATTERN, HEAD_ROWS, { a: true }),
    matmul([HEADS, 2, BATCH, POS, HEAD], [HEADS, 1, BATCH, POS, HEAD], { b: true }),
    matmul([HEADS, 2, BATCH, POS, POS], [HEADS, 1, BATCH, POS, HEAD]),
    matmul([HEADS, BOTH, HEAD], [HEADS, HEAD, MODEL]),
    matmul([HEADS, BOTH, MODEL], [HEADS, HEAD, MODEL], { b: true }),
    matmul([1, 1, BOTH, MODEL], [HEADS, 1, HEAD, MODEL], { b: true }),
    matmul([HEADS, 1, BOTH, MODEL], [HEADS, 1, HEAD, MODEL], { b: true }),
    matmul([HEADS, 1, BOTH, HEAD], [HEADS, 1, HEAD, MODEL]),
    matmul([BATCH, 1, multiplyDims(MODEL, POS)], [BATCH, SOURCES, multiplyDims(MODEL, POS)], { b: true }),
    matmul([BATCH, SOURCES, multiplyDims(MODEL, POS)], [BATCH, 1, multiplyDims(MODEL, POS)], { b: true }),
    matmul([BATCH, 1, SOURCES], [BATCH, SOURCES, multiplyDims(MODEL, POS)]),
    matmul([BOTH, SOURCES, MODEL], [BOTH, 1, MODEL], { b: true }),
    matmul([1, SOURCES], [SOURCES, joined(MODEL)]),
    matmul([HEADS, SOURCES], [SOURCES, joined(MODEL)]),
    matmul([HEADS, SOURCES], [HEADS, joined(MODEL)], { a: true }),
    matmul([1, 1], [1, joined(MODEL)], { a: true }),
    matmul([1, POS, 1, SOURCES], [BATCH, POS, SOURCES, MODEL]),
    matmul([1, POS, SOURCES, 1], [BATCH, POS, 1, MODEL]),
    matmul([1, POS, HEADS, SOURCES], [BATCH, POS, HEADS, MODEL], { a: true }),
    matmul([BATCH, POS, 1, 1], [BATCH, POS, 1, MODEL]),
    // Each operand lacks an axis that the other has.
    matmul([HEADS, 1, BATCH, POS, HEAD], [1, 2, 1, HEAD, MODEL]),
    matmul([BATCH, 1, POS, MODEL], [1, HEADS, MODEL, HEAD]),
    matmul([HEADS, BATCH, 1, POS, HEAD], [HEADS, 1, 2, HEAD, 1]),
    matmul([2, 1, BATCH, 1, POS, 1, 2, HEAD], [1, HEADS, 1, 2, POS, 1, HEAD, 2]),
    // One big enough that a runtime may cut it up.
    matmul([2, 128, 256], [2, 256, 129]),
  ],
  slice: [
    one('heads out of all heads', (b) => b.slice(x(b, [9, 1, BATCH, POS, HEAD]), 0, 3, 6)),
    one('the last position', (b) => b.slice(x(b, [BATCH, POS, MODEL]), 1, addDims(POS, -1), POS)),
    one('one source', (b) => b.slice(x(b, STREAMS), 0, 4, 5)),
    one('positions of a table', (b) =>
      b.add(b.slice(b.input('t', 'float', [40, MODEL]), 0, 0, POS), x(b, [BATCH, POS, 1])),
    ),
  ],
  concat: [
    one('one, two and three streams', (b) =>
      b.concat(
        [x(b, [1, BATCH, POS, MODEL]), ...[2, 3, 1].map((n) => b.input(`n${n}`, 'float', [n, BATCH, POS, MODEL]))],
        0,
      ),
    ),
    one('a mask and a constant', (b) => b.concat([b.mul(x(b, [1, SOURCES]), 2), b.constant(1, [1, 1])], 1)),
    one('masks per prompt', (b) =>
      b.concat([x(b, [BATCH, HEADS, SOURCES]), b.input('y', 'float', [BATCH, HEADS, 1])], 2),
    ),
  ],
  pad: [
    one('heads among all heads', (b) => b.pad(x(b, HEAD_ROWS), 0, 3, 2)),
    one(
      'into the last position',
      withSymbols((b) => b.pad(x(b, [BATCH, 1, MODEL]), 1, addDims(POS, -1), 0)),
    ),
    one('before and after a stream', (b) => b.pad(x(b, [1, BATCH, POS, MODEL]), 0, 2, 1)),
  ],
  where: [
    one('causal', (b) =>
      b.where(b.lessEqual(b.iota([1, POS], 1), b.iota([POS, 1], 0)), x(b, PATTERN), b.constant(-1e9)),
    ),
  ],
  softmax: [
    one('patterns', (b) => b.softmax(x(b, PATTERN))),
    one('masked patterns', (b) =>
      b.softmax(b.where(b.lessEqual(b.iota([1, POS], 1), b.iota([POS, 1], 0)), x(b, PATTERN), b.constant(-1e9))),
    ),
  ],
  mean: [
    one('of streams', (b) => b.mean(x(b, STREAMS), 3, true)),
    one('of the stream', (b) => b.mean(x(b, [1, BATCH, POS, MODEL]), 3, true)),
  ],
  sum: [
    one('over heads', (b) => b.sum(x(b, STREAMS), 0, true)),
    one('over keys', (b) => b.sum(x(b, PATTERN), 4, true)),
    one('over every second axis', (b) => b.sum(x(b, [2, BATCH, 2, POS, 2, 3, 2, 2]), [0, 2, 4, 6])),
  ],
  max: [one('over every second axis', (b) => b.max(x(b, [2, BATCH, 2, POS, 2, 3, 2, 2]), [1, 3, 5, 7], true))],
  transpose: [
    ...STREAM_ORDERS.map((order) => one(`streams to [${order}]`, (b) => b.transpose(x(b, STREAMS), order))),
    one(
      'rows of heads',
      withSymbols((b) => b.transpose(x(b, [HEADS, 1, BOTH, HEAD]), [1, 2, 0, 3])),
    ),
    one('nine axes, all moved', (b) =>
      b.transpose(x(b, [2, BATCH, 2, POS, 2, 2, 2, 2, 2]), [8, 7, 6, 5, 4, 3, 2, 1, 0]),
    ),
    one('eight axes', (b) => b.transpose(x(b, [2, BATCH, 1, POS, 2, 3, 1, 2]), [7, 6, 1, 3, 0, 2, 5, 4])),
  ],
  broadcast: [
    one(
      'one row',
      withSymbols((b) => b.broadcast(x(b, [1, 1, 1, MODEL]), [1, BATCH, POS, MODEL])),
    ),
    one('nine axes, every second stretched', (b) =>
      b.broadcast(x(b, [2, 1, BATCH, 1, POS, 1, 2, 1, 2]), [2, 2, BATCH, 2, POS, 2, 2, 2, 2]),
    ),
    one('eight axes', (b) => b.broadcast(x(b, [BATCH, 1, POS, 1, 2, 1]), [2, 1, BATCH, 3, POS, 2, 2, 2])),
  ],
  scatterAdd: [
    one('logits of answers', (b) =>
      b.reshape(
        b.scatterAdd(
          x(b, [BATCH, 3]),
          b.add(b.input('i', 'int', [BATCH, 3]), b.mul(b.iota([BATCH, 1], 0), 11)),
          0,
          multiplyDims(11, BATCH),
        ),
        [BATCH, 11],
      ),
    ),
  ],
  add: [
    ...pair([HEADS, 1, BOTH, HEAD], [HEADS, 1, 1, HEAD]),
    ...pair([BATCH, POS, MODEL], [POS, MODEL]),
    ...pair([1, BATCH, POS, 1], [SOURCES, BATCH, POS, MODEL]),
    ...pair([1, BATCH, POS, HEAD], [HEADS, 1, 1, HEAD]),
    ...pair([HEADS, 2, BATCH, POS, HEAD], [POS, HEAD]),
    ...pair([2, 1, BATCH, 1, POS, 1, 2, 1], [1, 3, BATCH, 2, 1, 1, 2, 2]),
    ...pair([3, 2, BATCH, POS, 2, 2, 1, 2], []),
  ],
});
