/** @file The plan of a program, made once: which values are computed, when each is freed, and which numbers stay on the device. */
import {
  type AnyValue,
  AutoCircuitError,
  type DType,
  isFilled,
  liveness,
  type Program,
  programInputs,
  scalarOperands,
  symbolsOf,
} from '@auto-circuit/core/backend';

/** Numbers that are the same in every run. */
export interface Held {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
/** One value that is computed, in order. */
export interface Step {
  readonly value: AnyValue;
  /** From 0 on: a value by id. Below: held numbers, −1 is the first. */
  readonly operands: readonly number[];
  /** Ids of values that nothing reads after this step. */
  readonly lastUses: readonly number[];
}
/** What a program needs at run time, whatever it is fed. */
export interface Plan {
  readonly program: Program;
  readonly steps: readonly Step[];
  readonly held: readonly Held[];
  readonly weightNames: readonly string[];
}

/** Plans a program. @throws AutoCircuitError `invalid-program` when the size of a symbol follows from no input */
export function planProgram(program: Program): Plan {
  const { values } = program;
  const live = liveness({
    count: values.length,
    outputs: program.outputs.map(({ id }) => id),
    operandsOf: (id) => values[id]!.inputs.filter((_, i) => !heldOperand(program, values[id]!, i)),
  });
  const held: Held[] = [];
  const places = new Map<number, number>();
  const operandsOf = (value: AnyValue): number[] =>
    value.inputs.map((id, i) => {
      const numbers = heldOperand(program, value, i);
      if (!numbers) return id;
      const place = places.get(id) ?? -held.push(numbers);
      places.set(id, place);
      return place;
    });
  const steps = values
    .filter(({ id }) => live.isNeeded(id))
    .map((value): Step => ({ value, operands: operandsOf(value), lastUses: live.endingAt(value.id) }));
  checkSymbols(program, steps);
  const weights = steps.flatMap(({ value }) => (value.op === 'weight' ? [value] : []));
  return {
    program,
    steps,
    held,
    weightNames: [...new Set(weights.map((v) => v.attributes.name))],
  };
}

/** The numbers of an operand that a plan holds instead of computing them: a table, or one number for an elementwise op. */
function heldOperand(program: Program, value: AnyValue, place: number): Held | undefined {
  const operand = program.values[value.inputs[place]!]!;
  if (operand.op !== 'constant') return undefined;
  const { dtype, shape, attributes } = operand;
  // A constant of several numbers has a fixed shape.
  if (!isFilled(operand)) return { dtype, shape: shape as readonly number[], data: attributes.data };
  return scalarOperands(program, value)[place] ? { dtype, shape: [], data: attributes.data } : undefined;
}

function checkSymbols(program: Program, steps: readonly Step[]): void {
  const known = new Set(programInputs(program).flatMap((v) => v.shape.flatMap(symbolsOf)));
  for (const { value } of steps) {
    const dims = value.op === 'dimSize' ? [value.attributes.dim] : value.shape;
    const unknown = dims.flatMap(symbolsOf).find((symbol) => !known.has(symbol));
    if (unknown === undefined) continue;
    throw new AutoCircuitError({
      code: 'invalid-program',
      where: 'backend-tfjs',
      what: `program "${program.name}": no input has an axis from which the size of "${unknown}" follows`,
      fields: { program: program.name, symbol: unknown },
    });
  }
}
