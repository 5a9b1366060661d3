/** @file A reshape or a contiguous slice of a weight is a window onto the same numbers: it costs neither memory nor time. */
import { elementCount, OP_TRAITS, type Program } from '@auto-circuit/core/backend';
import { isStatic } from './runtime-dims.js';

/** A window onto a weight's numbers, row-major. */
export interface WeightView {
  readonly weight: string;
  /** In numbers, from the start of the weight. */
  readonly offset: number;
  readonly shape: readonly number[];
}

/** The values of a program that are weights or windows onto them, by id. */
export function weightViews(program: Program): Map<number, WeightView> {
  const views = new Map<number, WeightView>();
  for (const value of program.values) {
    if (value.op === 'weight') {
      if (isStatic(value.shape)) views.set(value.id, { weight: value.attributes.name, offset: 0, shape: value.shape });
      continue;
    }
    const of = value.inputs.length === 1 ? views.get(value.inputs[0]!) : undefined;
    if (!of || !isStatic(value.shape)) continue;
    if (OP_TRAITS[value.op].alias) views.set(value.id, { ...of, shape: value.shape });
    if (value.op === 'slice') {
      const { axis, start } = value.attributes;
      const contiguous = of.shape.slice(0, axis).every((d) => d === 1);
      if (!contiguous || typeof start !== 'number') continue;
      const offset = of.offset + start * elementCount(of.shape.slice(axis + 1));
      views.set(value.id, { weight: of.weight, offset, shape: value.shape });
    }
  }
  return views;
}
