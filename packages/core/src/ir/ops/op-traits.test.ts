import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { memoryWeights } from '../../backend/memory-weights.js';
import { elementCount, type FloatArray, type Tensor } from '../../tensor/tensor.js';
import { draws } from '../../testing/draws.js';
import { OP_CASES } from '../../testing/op-cases.js';
import { ProgramBuilder } from '../builder/builder.js';
import { type Dim, evaluateDim, evaluateShape } from '../program/dims.js';
import type { AnyValue, OpAttributes, OpName } from '../program/program.js';
import { broadcastsOperands, isLeaf, type LeafOp, OP_NAMES, OP_TRAITS, type ZeroTrait } from './op-traits.js';
import { SHAPE_RULES } from './shape-rules.js';

type Computed = Exclude<OpName, LeafOp>;
/** One use of an op, with every symbol replaced by its size. */
interface Use {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly operands: readonly Tensor[];
}
const SIZES = { batch: 2, pos: 3 };
const COMPUTED = OP_NAMES.filter((op): op is Computed => !isLeaf(op));
const POSITIVE: readonly OpName[] = ['log', 'sqrt', 'rsqrt', 'pow'];

/** Every use of an op in the cases that backends are held to, with operands of its own: floats of float32, none of them 0. */
function usesOf(op: OpName): Use[] {
  const random = draws(5);
  const operand = (value: AnyValue, place: number): Tensor => {
    const shape = evaluateShape(value.shape, SIZES);
    const length = elementCount(shape);
    const sign = (): number => ((place === 0 && POSITIVE.includes(op)) || random.chance(0.5) ? 1 : -1);
    const data = {
      float: () => Float64Array.from({ length }, () => Math.fround(sign() * random.uniform(0.25, 2))),
      int: () => Int32Array.from({ length }, () => random.below(3)),
      bool: () => Uint8Array.from({ length }, () => random.below(2)),
    }[value.dtype]();
    return { dtype: value.dtype, shape, data };
  };
  return Object.values(OP_CASES).flatMap((cases) =>
    cases.flatMap(({ build }) => {
      const b = new ProgramBuilder('case');
      build(b);
      const uses = b.values.filter((value) => value.op === op);
      return uses.map(({ attributes, inputs }) => ({
        attributes: Object.fromEntries(Object.entries(attributes).map(([name, x]) => [name, sized(x)])),
        operands: inputs.map((id, place) => operand(b.value(id), place)),
      }));
    }),
  );
}
function sized(attribute: unknown): unknown {
  if (Array.isArray(attribute)) return attribute.map(sized);
  return typeof attribute === 'object' ? evaluateDim(attribute as Dim, SIZES) : attribute;
}

function computed(op: Computed, { attributes, operands }: Use): Tensor {
  const b = new ProgramBuilder('one op');
  const inputs = operands.map(({ dtype, shape }, i) => b.input(`x${i}`, dtype, shape));
  b.output('y', b.apply(op, inputs, attributes as OpAttributes[Computed]));
  const feeds = Object.fromEntries(operands.map((operand, i) => [`x${i}`, operand]));
  return interpret(b.build(), feeds, memoryWeights({})).y!;
}
/** The first entry of an axis. */
function firstEntry(tensor: Tensor, axis: number): Tensor {
  const b = new ProgramBuilder('entry');
  b.output('y', b.at(b.input('x', tensor.dtype, tensor.shape), axis, 0));
  return interpret(b.build(), { x: tensor }, memoryWeights({})).y!;
}
const same = (a: Tensor, b: Tensor): boolean =>
  a.dtype === b.dtype && a.data.length === b.data.length && a.data.every((x, i) => Object.is(x, b.data[i]));
const isZero = ({ data }: Tensor): boolean => data.every((x: number) => x === 0);
const zeroed = (tensor: Tensor): Tensor => ({ ...tensor, data: tensor.data.slice().fill(0) });

it('has shape rules for exactly the ops that are no leaves', () => {
  expect(Object.keys(SHAPE_RULES).sort()).toEqual([...COMPUTED].sort());
});

describe.each(COMPUTED)('the facts about %s', (op) => {
  const { operands, axes, zeros, alias, inPlace, rounds, kind } = OP_TRAITS[op];
  const uses = usesOf(op);

  it('are tried on uses that take as many operands', () => {
    expect(uses.length).toBeGreaterThan(0);
    for (const use of uses)
      operands === 'many'
        ? expect(use.operands.length).toBeGreaterThan(0)
        : expect(use.operands).toHaveLength(operands);
  });
  it(`say rightly that the result is ${alias ? 'its operand under another shape' : 'made of new numbers'}`, () => {
    const aliases = uses.every((use) => use.operands.length === 1 && same(computed(op, use), use.operands[0]!));
    expect(aliases).toBe(alias);
  });
  it(`say rightly that float results are ${rounds ? 'rounded' : 'exact'}`, () => {
    const exact = uses.every((use) => {
      const y = computed(op, use);
      return y.dtype !== 'float' || (y.data as FloatArray).every((x) => Object.is(Math.fround(x), x));
    });
    expect(exact).toBe(!rounds);
  });
  it(`say rightly when zeros make zeros: ${zeros}`, () => {
    expect(zerosOf(op, uses)).toBe(zeros);
  });
  if (inPlace)
    it('let it write only into operands that hold as many bytes a number', () => {
      expect(['elementwise', 'normalisation']).toContain(kind);
      for (const use of uses) expect(use.operands.map((x) => x.dtype)).toContain(computed(op, use).dtype);
    });
  if (axes === 'aligned' || axes === 'beside' || axes === 'reduced')
    it(`let one entry of an axis be computed from one entry of its operands: ${axes}`, () => {
      for (const use of uses) {
        const y = computed(op, use);
        for (const axis of y.shape.keys()) {
          const cut = cutUse(use, y, axis, axes);
          if (cut) expect(same(computed(op, cut), firstEntry(y, axis)), `axis ${axis}`).toBe(true);
        }
      }
    });
});

/** Which zeros make the result zero, as it comes out. Indices stay as they are. */
function zerosOf(op: Computed, uses: readonly Use[]): ZeroTrait {
  const isIndex = (place: number): boolean => OP_TRAITS[op].kind === 'indexing' && place === 1;
  const withZeros = (use: Use, at: (place: number) => boolean): Tensor =>
    computed(op, { ...use, operands: use.operands.map((x, i) => (at(i) && !isIndex(i) ? zeroed(x) : x)) });
  const several = uses.filter((use) => use.operands.filter((_, i) => !isIndex(i)).length > 1);
  const first = several.length > 0 && several.every((use) => isZero(withZeros(use, (i) => i === 0)));
  const second = several.length > 0 && several.every((use) => isZero(withZeros(use, (i) => i === 1)));
  if (first && second) return 'any';
  if (first) return 'first';
  return uses.some((use) => use.operands.length > 0) && uses.every((use) => isZero(withZeros(use, () => true)))
    ? 'all'
    : 'never';
}

/** The use that gives the first entry of the result's axis, if the fact about axes says that there is one. */
function cutUse(use: Use, y: Tensor, axis: number, axes: 'aligned' | 'beside' | 'reduced'): Use | undefined {
  const own = use.attributes as { axis?: number; axes?: readonly number[]; keepDims?: boolean; shape?: number[] };
  // A broadcast says the shape of its result.
  const attributes = own.shape ? { shape: own.shape.map((d, i) => (i === axis ? 1 : d)) } : own;
  if (axes === 'aligned') {
    const operands = use.operands.map((x) => {
      const place = axis - y.shape.length + x.shape.length;
      return place >= 0 && x.shape[place]! > 1 ? firstEntry(x, place) : x;
    });
    return { attributes, operands };
  }
  const [x] = use.operands as [Tensor];
  const kept = [...x.shape.keys()].filter((i) => own.keepDims || !own.axes?.includes(i));
  const place = axes === 'beside' ? axis : kept[axis]!;
  if (own.axis === place || own.axes?.includes(place)) return undefined;
  return { attributes, operands: use.operands.map((operand) => firstEntry(operand, place)) };
}

describe('questions about ops', () => {
  it('knows which broadcast their operands: no others take a row beside a column', () => {
    for (const op of COMPUTED.filter((name) => ![0, 1].includes(OP_TRAITS[name].operands as number))) {
      const meets = usesOf(op).some(({ operands }) => {
        const dtypes = operands.map((x) => x.dtype);
        return ruleTakes(op, dtypes, [
          [1, 4],
          [3, 1],
          [1, 1],
        ]);
      });
      expect(meets, op).toBe(broadcastsOperands(op));
    }
  });
});
function ruleTakes(op: Computed, dtypes: readonly Tensor['dtype'][], shapes: readonly number[][]): boolean {
  const b = new ProgramBuilder('rule');
  try {
    const inputs = dtypes.map((dtype, i) => b.input(`x${i}`, dtype, shapes[i % 3]!));
    const { shape } = b.apply(op, inputs, { axis: 0, transposeA: false, transposeB: false, size: 3 } as never);
    return shape.length === 2 && shape[0] === 3 && shape[1] === 4;
  } catch {
    return false;
  }
}
