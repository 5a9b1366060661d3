/**
 * @file Slice pushdown: a value of which every reader wants the same few entries along one axis is computed for these entries
 * only. A model that is read at its last position then computes its last MLP, and what only that reads, for that position.
 *
 * @example
 * const program = pushDownSlices(simplify(b.build()));   // matmul over all rows, then the last one → matmul of the last row
 */
import { OP_TRAITS, type OpsWith } from '../ops/op-traits.js';
import { type Shape, shapesEqual } from '../program/dims.js';
import type { AnyValue, OpName, Program, Value } from '../program/program.js';
import {
  alignedRegion,
  cut,
  cutShape,
  NO_RULES,
  type Region,
  regionOf,
  reshapedRegion,
  sameRegion,
} from './regions.js';
import { Rewriter } from './rules/rewriter.js';

/** What is wanted of an operand: a region of it, or all of it, as where it is repeated along the axis. */
type Wanted = Region | 'whole';

/** The same outputs under the same names; a value is cut down where every reader wants the same region of it. Run `simplify` afterwards. */
export function pushDownSlices(program: Program): Program {
  const regions = regionsWanted(program);
  if (regions.every((region) => region === null)) return program;
  const r = new Rewriter(NO_RULES);
  const map: number[] = [];
  for (const value of program.values) {
    const region = regions[value.id];
    const id = region ? cutDown(r, program, value, region, map, regions) : remade(r, value, map, regions);
    map[value.id] = id;
    if (value.role) r.annotate(id, { role: value.role });
    if (value.composite) annotateComposite(r, value, id, map, regions);
  }
  return {
    name: program.name,
    values: r.values,
    outputs: program.outputs.map(({ name, id }) => ({ name, id: map[id]! })),
  };
}

/** For each value the region that all its readers want; null where it is computed whole. */
function regionsWanted(program: Program): (Region | null)[] {
  const regions: (Region | null)[] = program.values.map(() => null);
  const wanted: Wanted[][] = program.values.map(() => []);
  for (const { id } of program.outputs) wanted[id]!.push('whole');
  for (let id = program.values.length - 1; id >= 0; id--) {
    const value = program.values[id]!;
    const region = agreed(wanted[id]!);
    const own = region && operandsWanted(program, value, region);
    if (region && own) regions[id] = region;
    const ofOperands = own ?? value.inputs.map((): Wanted => 'whole');
    value.inputs.forEach((input, i) => {
      wanted[input]!.push(value.op === 'slice' && !own ? slicedRegion(program, value) : ofOperands[i]!);
    });
  }
  return regions;
}

function agreed(wanted: readonly Wanted[]): Region | null {
  const [first, ...others] = wanted;
  if (first === undefined || first === 'whole') return null;
  return others.every((other) => other !== 'whole' && sameRegion(other, first)) ? first : null;
}
const slicedRegion = (program: Program, { inputs, attributes: { axis, start, end } }: Value<'slice'>): Region =>
  regionOf(axis, program.values[inputs[0]!]!.shape[axis]!, start, end);

/** What a value needs of each operand to give a region of itself; undefined where it has to be computed whole. */
function operandsWanted(program: Program, value: AnyValue, region: Region): Wanted[] | undefined {
  const shapes = value.inputs.map((id) => program.values[id]!.shape);
  // The table pairs each op with a rule for its own attributes.
  const rule = ruleOf(value.op) as RegionRule<OpName> | null;
  const wanted = rule?.(value, region, shapes);
  return wanted?.some((operand) => operand !== 'whole') ? wanted : undefined;
}
type RegionRule<K extends OpName> = (value: Value<K>, region: Region, shapes: readonly Shape[]) => Wanted[] | undefined;

const alignedRegions = (shape: Shape, region: Region, operands: readonly Shape[]): Wanted[] =>
  operands.map((own) => alignedRegion(region, shape, own) ?? 'whole');
const aligned: RegionRule<OpName> = ({ shape }, region, shapes) => alignedRegions(shape, region, shapes);
const beside: RegionRule<OpsWith<'axes', 'beside'>> = ({ attributes }, region, shapes) =>
  attributes.axis === region.axis ? undefined : shapes.map(() => region);
const reduced: RegionRule<OpsWith<'axes', 'reduced'>> = ({ attributes: { axes, keepDims } }, region, [shape]) => {
  const kept = shape!.map((_, axis) => axis).filter((axis) => keepDims || !axes.includes(axis));
  const axis = kept[region.axis]!;
  return axes.includes(axis) ? undefined : [{ ...region, axis }];
};

/** By how axes of the result are found in the operands; null where there is no operand to cut. */
const BY_AXES = { none: null, aligned, beside, reduced } as const;
/** Ops that treat their axes each in its own way; null where a region of the result needs whole operands. */
const OWN_RULES: { readonly [K in OpsWith<'axes', 'own'>]: RegionRule<K> | null } = {
  transpose: ({ attributes: { permutation } }, region) => [{ ...region, axis: permutation[region.axis]! }],
  gather({ attributes: { axis } }, region, [, indices]) {
    const beyond = region.axis - axis - indices!.length;
    if (region.axis >= axis && beyond < 0) return undefined;
    return [{ ...region, axis: beyond < 0 ? region.axis : axis + 1 + beyond }, 'whole'];
  },
  scatterAdd: null,
  matmul({ shape, attributes: { transposeA, transposeB } }, region, [a, b]) {
    const fromEnd = region.axis - shape.length; // −1: columns, −2: rows, before them the batch
    if (fromEnd === -1) return ['whole', { ...region, axis: b!.length - (transposeB ? 2 : 1) }];
    if (fromEnd === -2) return [{ ...region, axis: a!.length - (transposeA ? 1 : 2) }, 'whole'];
    return alignedRegions(shape, region, [a!, b!]);
  },
  reshape({ shape }, region, [from]) {
    const found = reshapedRegion(region, shape, from!);
    return found && [found];
  },
};
function ruleOf(op: OpName): RegionRule<never> | null {
  const { axes } = OP_TRAITS[op];
  return axes === 'own' ? OWN_RULES[op as OpsWith<'axes', 'own'>] : BY_AXES[axes];
}

// ---- writing ----------------------------------------------------------------------------------------------------
function remade(r: Rewriter, value: AnyValue, map: readonly number[], regions: readonly (Region | null)[]): number {
  const operands = value.inputs.map((id) => map[id]!);
  // Every reader of an operand that was cut down is a slice that wanted just that, or is cut down itself.
  if (value.op === 'slice' && regions[value.inputs[0]!]) return operands[0]!;
  return r.remake(value, operands);
}

function cutDown(
  r: Rewriter,
  program: Program,
  value: AnyValue,
  region: Region,
  map: readonly number[],
  regions: readonly (Region | null)[],
): number {
  const wanted = operandsWanted(program, value, region)!;
  const operands = value.inputs.map((id, i) => operandRegion(r, program.values[id]!, wanted[i]!, map, regions));
  const { op } = value;
  if (op === 'reshape' || op === 'broadcast') return r.make(op, operands, { shape: cutShape(value.shape, region) });
  return r.remake(value, operands);
}

/** An operand as it is wanted: it may have been cut down so already, or is cut now. */
function operandRegion(
  r: Rewriter,
  operand: AnyValue,
  wanted: Wanted,
  map: readonly number[],
  regions: readonly (Region | null)[],
): number {
  const id = map[operand.id]!;
  if (wanted === 'whole' || regions[operand.id]) return id;
  return cut(r, id, operand.shape, wanted);
}

/** A composite still holds of its input's region: where it sums along the axis, its input is read whole and has none. */
function annotateComposite(
  r: Rewriter,
  value: AnyValue,
  id: number,
  map: readonly number[],
  regions: readonly (Region | null)[],
): void {
  const composite = value.composite!;
  const region = regions[value.id];
  const inputs = composite.inputs.map((input) => (region ? regions[input] && map[input]! : map[input]!));
  if (!inputs.every((input): input is number => input !== null && input !== undefined && input < id)) return;
  if (inputs.some((input) => !shapesEqual(r.shape(input), r.shape(id)))) return;
  r.annotate(id, { composite: { ...composite, inputs } });
}
