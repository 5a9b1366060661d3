/** @file Numbers of 16 bits: which checkpoints consist of them, and float32 numbers as such, where they are. */
import type { HalfDType } from '@auto-circuit/core/backend';
import type { RawCheckpoint } from './hf-folder.js';

/** The dtypes of 16 bits by their names in safetensors files, and by those of weights. */
export const HALF_DTYPES = Object.freeze({ F16: 'float16', BF16: 'bfloat16' } as const satisfies Record<
  string,
  HalfDType
>);
export type HalfName = keyof typeof HALF_DTYPES;

/** Whether a dtype of a safetensors file has 16 bits and is a float. */
export const isHalf = (dtype: string): dtype is HalfName => Object.hasOwn(HALF_DTYPES, dtype);

/** The one dtype of 16 bits that all matrices of a checkpoint have; null where there is none. */
export function commonHalf(raw: Pick<RawCheckpoint, 'names' | 'tensor'>): HalfName | null {
  const matrices = raw.names.map((name) => raw.tensor(name)).filter(({ shape }) => shape.length > 1);
  const [first] = matrices;
  return first && isHalf(first.dtype) && matrices.every(({ dtype }) => dtype === first.dtype) ? first.dtype : null;
}

/** The same numbers in 16 bits; null where one of them is no such number. */
export const narrowed = (numbers: Float32Array, dtype: HalfName): Uint16Array | null =>
  dtype === 'BF16' ? brainHalves(numbers) : halves(numbers);

const bitsOf = ({ buffer, byteOffset, length }: Float32Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, length);

/** bfloat16 is the upper half of a float32. */
function brainHalves(numbers: Float32Array): Uint16Array | null {
  const out = new Uint16Array(numbers.length);
  let lower = 0;
  const all = bitsOf(numbers);
  for (let i = 0; i < all.length; i++) {
    lower |= all[i]! & 0xffff;
    out[i] = all[i]! >>> 16;
  }
  return lower === 0 ? out : null;
}

/** float16: 1 sign, 5 exponent, 10 fraction bits. Infinities and NaN, which no weights are, are left to float32. */
function halves(numbers: Float32Array): Uint16Array | null {
  const out = new Uint16Array(numbers.length);
  for (const [i, bits] of bitsOf(numbers).entries()) {
    const sign = (bits >>> 16) & 0x8000;
    const exponent = ((bits >>> 23) & 0xff) - 127;
    const fraction = bits & 0x7fffff;
    if ((bits & 0x7fffffff) === 0) out[i] = sign;
    else if (exponent >= -14 && exponent <= 15 && (fraction & 0x1fff) === 0)
      out[i] = sign | ((exponent + 15) << 10) | (fraction >> 13);
    else if (exponent >= -24 && exponent < -14) {
      const drop = -1 - exponent; // 13 bits, and one for each step below the least exponent
      const whole = fraction | 0x800000;
      if (whole & ((1 << drop) - 1)) return null;
      out[i] = sign | (whole >> drop);
    } else return null;
  }
  return out;
}
