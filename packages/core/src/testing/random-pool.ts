/** @file The values a random program has so far, how large each can be, and how to get one of a wanted shape. */

import type { MemoryWeight } from '../backend/memory-weights.js';
import { ProgramBuilder } from '../ir/builder/builder.js';
import { type Dim, type DimSizes, evaluateShape, type Shape, shapesEqual } from '../ir/program/dims.js';
import type { AnyValue } from '../ir/program/program.js';
import type { DType } from '../tensor/tensor.js';
import { elementCount, floatTensor, intTensor, type Tensor } from '../tensor/tensor.js';
import type { Draws } from './draws.js';

/** Sizes of the symbols that random programs use. */
export const RANDOM_SIZES: DimSizes = Object.freeze({ batch: 2, pos: 3 });
const DIMS: readonly (Dim | string)[] = [1, 2, 3, 4, 'batch', 'pos'];
const MOST_ELEMENTS = 300;
/** Values stay within this, so that float32 backends keep their digits. */
const MOST_SIZE = 30;

/** A value of a random program. */
export interface Entry {
  readonly value: AnyValue;
  /** No element is larger in absolute value. */
  readonly bound: number;
  /** Its numbers do not depend on rounding: fed, constant or only moved. Comparisons read such values only. */
  readonly exact: boolean;
}

/** Builds a random program value by value, with the feeds and weights it needs. */
export class RandomPool {
  readonly b: ProgramBuilder;
  readonly random: Draws;
  readonly entries: Entry[] = [];
  readonly feeds: Record<string, Tensor> = {};
  readonly weights: Record<string, MemoryWeight> = {};

  constructor(name: string, random: Draws) {
    this.b = new ProgramBuilder(name);
    this.random = random;
  }
  sizes(shape: Shape): number[] {
    return evaluateShape(shape, RANDOM_SIZES);
  }
  fits(shape: Shape): boolean {
    return shape.length <= 5 && elementCount(this.sizes(shape)) <= MOST_ELEMENTS;
  }
  randomShape(): Shape {
    const rank = this.random.below(5);
    const shape = Array.from({ length: rank }, () => this.random.pick(DIMS));
    const dims = this.b.constant(0, shape).shape;
    return this.fits(dims) ? dims : dims.slice(0, 2);
  }
  /** Remembers a value; what could grow too large is squashed first. */
  add(value: AnyValue, bound: number, exact = false): Entry {
    const large = value.dtype === 'float' && bound > MOST_SIZE;
    const entry = large ? { value: this.b.tanh(value), bound: 1, exact: false } : { value, bound, exact };
    this.entries.push(entry);
    return entry;
  }
  input(dtype: DType, shape: Shape, below = 3): Entry {
    const name = `x${Object.keys(this.feeds).length}`;
    const sizes = this.sizes(shape);
    const count = elementCount(sizes);
    const draw: Record<DType, () => Tensor> = {
      float: () =>
        floatTensor(
          Float32Array.from({ length: count }, () => this.random.uniform(-2, 2)),
          sizes,
        ),
      int: () =>
        intTensor(
          Int32Array.from({ length: count }, () => this.random.below(below)),
          sizes,
        ),
      bool: () => ({
        dtype: 'bool',
        shape: sizes,
        data: Uint8Array.from({ length: count }, () => this.random.below(2)),
      }),
    };
    this.feeds[name] = draw[dtype]();
    return this.add(this.b.input(name, dtype, shape), dtype === 'float' ? 2 : below, true);
  }
  weight(shape: readonly number[]): Entry {
    const name = `w${Object.keys(this.weights).length}`;
    const data = Float32Array.from({ length: elementCount(shape) }, () => this.random.uniform(-1, 1));
    this.weights[name] = { shape, data };
    return this.add(this.b.weight(name, shape), 1, true);
  }
  constant(shape: Shape): Entry {
    const fixed = shape.every((d) => typeof d === 'number');
    const count = fixed && this.random.chance(0.7) ? elementCount(shape as number[]) : 1;
    // Often 0 or 1, so that neutral elements occur.
    const draw = (): number =>
      this.random.chance(0.3) ? this.random.below(2) : Math.fround(this.random.uniform(-1, 1));
    return this.add(this.b.constant(Array.from({ length: count }, draw), shape), 1, true);
  }
  /** Some value of the dtype, made anew where there is none. */
  any(dtype: DType, accepts: (entry: Entry) => boolean = () => true): Entry {
    const found = this.entries.filter((e) => e.value.dtype === dtype && accepts(e));
    // The later ones more often: programs grow long, not wide.
    const recent = this.random.chance(0.6) ? found.slice(-4) : found;
    if (recent.length > 0 && !this.random.chance(0.05)) return this.random.pick(recent);
    for (let tries = 0; tries < 20; tries++) {
      const entry = this.input(dtype, this.randomShape());
      if (accepts(entry)) return entry;
    }
    return this.input(dtype, this.b.constant(0, ['batch', 2, 'pos']).shape);
  }
  /** A float of exactly this shape: one there is, a reduced one, a spread one, or a new leaf. */
  ofShape(shape: Shape): Entry {
    const same = this.entries.filter((e) => e.value.dtype === 'float' && shapesEqual(e.value.shape, shape));
    if (same.length > 0 && this.random.chance(0.6)) return this.random.pick(same);
    if (shape.every((d) => typeof d === 'number') && this.random.chance(0.4)) return this.weight(shape as number[]);
    if (this.random.chance(0.3)) return this.constant(shape);
    if (shape.length > 1 && this.random.chance(0.5)) {
      const { value, bound, exact } = this.ofShape(this.thinned(shape));
      return this.add(this.b.broadcast(value, shape), bound, exact);
    }
    return this.input('float', shape);
  }
  /** A shape that broadcasts to this one: some axes of size 1, some leading ones left out. */
  thinned(shape: Shape): Shape {
    const thin = shape.map((d) => (this.random.chance(0.35) ? 1 : d));
    return this.random.chance(0.3) ? thin.slice(this.random.below(thin.length + 1)) : thin;
  }
}
