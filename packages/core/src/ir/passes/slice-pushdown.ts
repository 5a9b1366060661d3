/**
 * @file Slices are taken early: where all that reads a value wants the same few entries along one axis, only these are computed.
 * A model whose last position alone is read out computes its last MLP, and what leads only there, for that position.
 *
 * @example
 * const program = pushDownSlices(simplify(b.build()));   // matmul over all rows, then the last one → matmul of the last row
 */
import { dimsEqual, type Shape } from '../program/dims.js';
import type { AnyValue, OpName, Program, Value } from '../program/program.js';
import { alignedPart, cut, cutShape, NO_RULES, type Part, partOf, reshapedPart, samePart } from './regions.js';
import { Rewriter } from './rules/rewriter.js';

/** What is wanted of an operand: a part of it; `whole`: all of it, as where it is broadcast along the axis. */
type Wanted = Part | 'whole';

/** The same outputs; a value is cut down only where every reader wants the same part of it. */
export function pushDownSlices(program: Program): Program {
  const parts = partsWanted(program);
  if (parts.every((part) => part === null)) return program;
  const r = new Rewriter(NO_RULES);
  const map: number[] = [];
  for (const value of program.values) {
    const part = parts[value.id];
    const id = part ? cutDown(r, program, value, part, map, parts) : remade(r, value, map, parts);
    map[value.id] = id;
    if (value.role) r.annotate(id, { role: value.role });
    if (value.composite) annotateComposite(r, value, id, map, parts);
  }
  return {
    name: program.name,
    values: r.values,
    outputs: program.outputs.map(({ name, id }) => ({ name, id: map[id]! })),
  };
}

/** By value the part that all its readers want; null where it is computed whole. */
function partsWanted(program: Program): (Part | null)[] {
  const parts: (Part | null)[] = program.values.map(() => null);
  const wanted: Wanted[][] = program.values.map(() => []);
  for (const { id } of program.outputs) wanted[id]!.push('whole');
  for (let id = program.values.length - 1; id >= 0; id--) {
    const value = program.values[id]!;
    const part = agreed(wanted[id]!);
    const own = part && operandsWanted(program, value, part);
    if (part && own) parts[id] = part;
    const ofOperands = own ?? value.inputs.map((): Wanted => 'whole');
    value.inputs.forEach((input, i) => {
      wanted[input]!.push(value.op === 'slice' && !own ? slicePart(program, value) : ofOperands[i]!);
    });
  }
  return parts;
}

function agreed(wanted: readonly Wanted[]): Part | null {
  const [first, ...others] = wanted;
  if (first === undefined || first === 'whole') return null;
  return others.every((other) => other !== 'whole' && samePart(other, first)) ? first : null;
}
const slicePart = (program: Program, { inputs, attributes: { axis, start, end } }: Value<'slice'>): Part =>
  partOf(axis, program.values[inputs[0]!]!.shape[axis]!, start, end);

/** What a value needs of each operand to give a part of itself; undefined where it cannot be made by parts. */
function operandsWanted(program: Program, value: AnyValue, part: Part): Wanted[] | undefined {
  const shapes = value.inputs.map((id) => program.values[id]!.shape);
  const rule = BY_PARTS[value.op] as PartRule<OpName> | undefined;
  const wanted = rule?.(value as never, part, shapes);
  return wanted?.some((operand) => operand !== 'whole') ? wanted : undefined;
}
type PartRule<K extends OpName> = (value: Value<K>, part: Part, shapes: readonly Shape[]) => Wanted[] | undefined;

/** Operands are aligned at their last axes, and broadcast where one is 1. */
const elementwise: PartRule<OpName> = ({ shape }, part, shapes) =>
  shapes.map((own) => alignedPart(part, shape, own) ?? 'whole');
/** Every axis but that of the op keeps its place. */
const beside: PartRule<'softmax' | 'logSoftmax' | 'pad' | 'slice'> = ({ attributes }, part) =>
  attributes.axis === part.axis ? undefined : [part];
const reduction: PartRule<'sum' | 'mean' | 'max'> = ({ attributes: { axes, keepDims } }, part, [shape]) => {
  const kept = shape!.map((_, axis) => axis).filter((axis) => keepDims || !axes.includes(axis));
  const axis = kept[part.axis]!;
  return axes.includes(axis) ? undefined : [{ ...part, axis }];
};

const BY_PARTS: { readonly [K in OpName]?: PartRule<K> } = {
  ...Object.fromEntries(
    (
      [
        ...[
          'neg',
          'abs',
          'exp',
          'log',
          'sqrt',
          'rsqrt',
          'tanh',
          'erf',
          'sigmoid',
          'relu',
          'not',
          'cast',
          'stopGradient',
        ],
        ...[
          'add',
          'sub',
          'mul',
          'div',
          'pow',
          'maximum',
          'minimum',
          'equal',
          'less',
          'lessEqual',
          'and',
          'or',
          'where',
        ],
        'broadcast',
      ] as OpName[]
    ).map((op) => [op, elementwise]),
  ),
  softmax: beside,
  logSoftmax: beside,
  pad: beside,
  slice: beside,
  sum: reduction,
  mean: reduction,
  max: reduction,
  transpose: ({ attributes: { permutation } }, part) => [{ ...part, axis: permutation[part.axis]! }],
  concat: ({ attributes: { axis } }, part, shapes) => (axis === part.axis ? undefined : shapes.map(() => part)),
  gather({ attributes: { axis } }, part, [, indices]) {
    const beyond = part.axis - axis - indices!.length;
    if (part.axis >= axis && beyond < 0) return undefined;
    return [{ ...part, axis: beyond < 0 ? part.axis : axis + 1 + beyond }, 'whole'];
  },
  matmul({ shape, attributes: { transposeA, transposeB } }, part, [a, b]) {
    const fromEnd = part.axis - shape.length; // −1: columns, −2: rows, before them the batch
    if (fromEnd === -1) return ['whole', { ...part, axis: b!.length - (transposeB ? 2 : 1) }];
    if (fromEnd === -2) return [{ ...part, axis: a!.length - (transposeA ? 1 : 2) }, 'whole'];
    return elementwise({ shape } as never, part, [a!, b!]);
  },
  reshape({ shape }, part, [from]) {
    const found = reshapedPart(part, shape, from!);
    return found && [found];
  },
};

// ---- writing ----------------------------------------------------------------------------------------------------
function remade(r: Rewriter, value: AnyValue, map: readonly number[], parts: readonly (Part | null)[]): number {
  const operands = value.inputs.map((id) => map[id]!);
  // Every reader of an operand that was cut down is a slice that wanted just that, or is cut down itself.
  if (value.op === 'slice' && parts[value.inputs[0]!]) return operands[0]!;
  return r.remake(value, operands);
}

function cutDown(
  r: Rewriter,
  program: Program,
  value: AnyValue,
  part: Part,
  map: readonly number[],
  parts: readonly (Part | null)[],
): number {
  const wanted = operandsWanted(program, value, part)!;
  const operands = value.inputs.map((id, i) => operandPart(r, program.values[id]!, wanted[i]!, map, parts));
  const { op } = value;
  if (op === 'reshape' || op === 'broadcast') return r.make(op, operands, { shape: cutShape(value.shape, part) });
  return r.make(op as 'add', operands, value.attributes as never);
}

/** An operand as it is wanted: it may have been cut down so already, or is cut now. */
function operandPart(
  r: Rewriter,
  operand: AnyValue,
  wanted: Wanted,
  map: readonly number[],
  parts: readonly (Part | null)[],
): number {
  const id = map[operand.id]!;
  if (wanted === 'whole' || parts[operand.id]) return id;
  return cut(r, id, operand.shape, wanted);
}

/** A composite still holds of its input's part: where it sums along the axis, its input is read whole and has none. */
function annotateComposite(
  r: Rewriter,
  value: AnyValue,
  id: number,
  map: readonly number[],
  parts: readonly (Part | null)[],
): void {
  const composite = value.composite!;
  const part = parts[value.id];
  const inputs = composite.inputs.map((input) => (part ? parts[input] && map[input]! : map[input]!));
  if (!inputs.every((input): input is number => input !== null && input !== undefined && input < id)) return;
  if (inputs.some((input) => !sameShape(r.shape(input), r.shape(id)))) return;
  r.annotate(id, { composite: { ...composite, inputs } });
}
const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => dimsEqual(d, b[i]!));
