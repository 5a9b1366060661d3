/** @file Decides once what a program needs at run time: the values that are used, when each is freed, which numbers are kept. */
import {
  type AnyValue,
  AutoCircuitError,
  broadcastShapes,
  type DType,
  elementCount,
  type OpName,
  type Program,
  programInputs,
  shapesEqual,
  symbolsOf,
  type Value,
} from '@auto-circuit/core/backend';

/** Numbers that are the same in every run. */
export interface Held {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
export interface Step {
  readonly value: AnyValue;
  /** From 0 on: a value by id. Below: held numbers, −1 is the first. */
  readonly operands: readonly number[];
  /** Ids of values that nothing reads after this step. */
  readonly lastUses: readonly number[];
}
export interface Plan {
  readonly program: Program;
  readonly steps: readonly Step[];
  readonly held: readonly Held[];
  readonly weightNames: readonly string[];
  /** Weights that a product reads as they are as its right-hand matrices. */
  readonly rightWeightIds: readonly number[];
}

const ELEMENTWISE: ReadonlySet<OpName> = new Set([
  ...(['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum'] as const),
  ...(['equal', 'less', 'lessEqual', 'and', 'or', 'where'] as const),
]);

/** Throws when the size of a symbol follows from no input. */
export function planProgram(program: Program): Plan {
  const { values } = program;
  const held: Held[] = [];
  const hold = (numbers: Held): number => -held.push(numbers);
  const tables = new Map<number, number>();
  const scalars = new Map<number, number>();
  const operandsOf = (value: AnyValue): number[] => {
    const asScalars = takesScalars(program, value);
    return value.inputs.map((id) => {
      const input = values[id]!;
      if (isTable(input)) return memo(tables, id, () => hold(table(input)));
      if (asScalars && isFilled(input)) return memo(scalars, id, () => hold(scalar(input)));
      return id;
    });
  };
  const operands = new Map<number, readonly number[]>();
  const needed = new Set(program.outputs.map(({ id }) => id));
  const last = new Map<number, number>();
  for (let id = values.length - 1; id >= 0; id--) {
    if (!needed.has(id)) continue;
    const own = operandsOf(values[id]!);
    operands.set(id, own);
    for (const operand of own) {
      if (operand < 0) continue;
      needed.add(operand);
      if (!last.has(operand)) last.set(operand, id);
    }
  }
  for (const { id } of program.outputs) last.delete(id);
  const ended = new Map<number, number[]>();
  for (const [id, at] of last) ended.set(at, [...(ended.get(at) ?? []), id]);
  const steps = [...operands]
    .sort(([a], [b]) => a - b)
    .map(([id, own]): Step => ({ value: values[id]!, operands: own, lastUses: ended.get(id) ?? [] }));
  checkSymbols(program, steps);
  const weights = steps.flatMap(({ value }) => (value.op === 'weight' ? [value] : []));
  return {
    program,
    steps,
    held,
    weightNames: [...new Set(weights.map((v) => v.attributes.name))],
    rightWeightIds: weights.map((v) => v.id).filter((id) => steps.some(({ value }) => readsAsRightMatrix(value, id))),
  };
}

function memo(known: Map<number, number>, id: number, make: () => number): number {
  const found = known.get(id);
  if (found !== undefined) return found;
  const made = make();
  known.set(id, made);
  return made;
}

const isFilled = (value: AnyValue): value is Value<'constant'> =>
  value.op === 'constant' && value.attributes.data.length === 1;
/** A constant of several numbers has a fixed shape. */
const isTable = (value: AnyValue): value is Value<'constant'> =>
  value.op === 'constant' && value.attributes.data.length > 1;
const table = ({ dtype, shape, attributes }: Value<'constant'>): Held => ({
  dtype,
  shape: shape as readonly number[],
  data: attributes.data,
});
const scalar = ({ dtype, attributes }: Value<'constant'>): Held => ({ dtype, shape: [], data: attributes.data });

/** Whether an elementwise op has the shape of its result without the operands that are one number all over. */
function takesScalars(program: Program, value: AnyValue): boolean {
  if (!ELEMENTWISE.has(value.op)) return false;
  const others = value.inputs.map((id) => program.values[id]!).filter((v) => !isFilled(v));
  return others.length > 0 && shapesEqual(others.map((v) => v.shape).reduce(broadcastShapes), value.shape);
}

const readsAsRightMatrix = (value: AnyValue, weight: number): boolean =>
  value.op === 'matmul' && value.inputs[1] === weight && !value.attributes.transposeB;

function checkSymbols(program: Program, steps: readonly Step[]): void {
  const known = new Set(programInputs(program).flatMap((v) => v.shape.flatMap(symbolsOf)));
  for (const { value } of steps) {
    const dims = value.op === 'dimSize' ? [value.attributes.dim] : value.shape;
    const unknown = dims.flatMap(symbolsOf).find((symbol) => !known.has(symbol));
    if (unknown === undefined) continue;
    throw new AutoCircuitError({
      where: 'backend-tfjs',
      what: `program "${program.name}": no input has an axis from which the size of "${unknown}" follows`,
    });
  }
}

export const heldBytes = ({ held }: Plan): number => held.reduce((n, { shape }) => n + 4 * elementCount(shape), 0);
