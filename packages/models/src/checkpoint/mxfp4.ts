/**
 * @file MXFP4 weights (OCP Microscaling Formats 1.0), as gpt-oss has them: 32 numbers of 4 bits share a scale of 8 bits. A matrix
 * `NAME` [..., rows, columns] lies as `NAME_blocks` [..., rows, columns / 32, 16], two numbers in a byte, the lower half first, and
 * `NAME_scales` [..., rows, columns / 32].
 *
 *     W = sign · magnitude · 2^(scale − 127)
 */
import { AutoCircuitError } from '@auto-circuit/core/plugin';

/** Numbers in a block, and bytes that they take. */
const [BLOCK, BYTES] = [32, 16];
/** The numbers of E2M1: a sign, two bits of exponent, one of mantissa. */
const E2M1 = Float32Array.of(0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6);
/** A scale that stands for no number (E8M0). */
const NOT_A_NUMBER = 255;

const BLOCKS = /_blocks$/;

/** Whether a tensor of this name holds blocks. */
export const holdsBlocks = (name: string): boolean => BLOCKS.test(name);
/** The name of the scales of blocks. */
export const scalesOfBlocks = (name: string): string => name.replace(BLOCKS, '_scales');
/** The name of the blocks of scales; null for a tensor of another kind. */
export const blocksOfScales = (name: string): string | null =>
  name.endsWith('_scales') ? name.replace(/_scales$/, '_blocks') : null;

/** The shape of the matrices that blocks stand for: [..., rows, columns / 32, 16] → [..., rows, columns]. */
export const shapeOfBlocks = (shape: readonly number[]): number[] => [
  ...shape.slice(0, -2),
  (shape.at(-2) ?? 0) * BLOCK,
];

interface Stored {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * The numbers of blocks, row-major, exact in float32. A scale that is no number gives NaN.
 * @throws AutoCircuitError `wrong-tensor` for shapes that do not belong together
 */
export function numbersOfBlocks(source: string, name: string, blocks: Stored, scales: Stored): Float32Array {
  const expected = blocks.shape.slice(0, -1);
  const fits = expected.length > 0 && blocks.shape.at(-1) === BYTES && scales.shape.join() === expected.join();
  if (!fits) {
    throw new AutoCircuitError({
      code: 'wrong-tensor',
      fields: { tensor: name, shape: blocks.shape, scales: scales.shape },
      where: 'checkpoint',
      what: `tensor "${name}" of ${source} is not MXFP4 with a scale for each block`,
      expected: `blocks of [..., ${BYTES}] bytes, and scales of the same shape without the last axis`,
      got: `[${blocks.shape.join(', ')}] and [${scales.shape.join(', ')}]`,
    });
  }
  const out = new Float32Array(blocks.data.length * 2);
  for (let block = 0; block < scales.data.length; block++) {
    const exponent = scales.data[block]!;
    const scale = exponent === NOT_A_NUMBER ? Number.NaN : 2 ** (exponent - 127);
    for (let i = block * BYTES; i < (block + 1) * BYTES; i++) {
      const byte = blocks.data[i]!;
      out[2 * i] = E2M1[byte & 15]! * scale;
      out[2 * i + 1] = E2M1[byte >> 4]! * scale;
    }
  }
  return out;
}
