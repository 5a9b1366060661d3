/** @file The arithmetic of the processing steps on flat row-major arrays: sums in float64, one rounding at the end. */

/** W' = W·diag(gain) over the axis that dModel lies on. */
export function scaleInput(weight: Float32Array, modelAxis: 'first' | 'last', gain: Float32Array): Float32Array {
  const dModel = gain.length;
  const columns = weight.length / dModel;
  const out = new Float32Array(weight.length);
  for (let i = 0; i < weight.length; i++) {
    out[i] = weight[i]! * gain[modelAxis === 'last' ? i % dModel : Math.floor(i / columns)]!;
  }
  return out;
}

/** bias + W·shift: what a constant added to the input does to the output. */
export function biasThrough(
  weight: Float32Array,
  modelAxis: 'first' | 'last',
  shift: Float32Array,
  bias?: Float32Array,
): Float32Array {
  const dModel = shift.length;
  const outputs = weight.length / dModel;
  const [outputStride, modelStride] = modelAxis === 'last' ? [dModel, 1] : [1, outputs];
  const out = new Float32Array(outputs);
  for (let i = 0; i < outputs; i++) {
    let sum = bias?.[i] ?? 0;
    for (let d = 0; d < dModel; d++) sum += weight[i * outputStride + d * modelStride]! * shift[d]!;
    out[i] = sum;
  }
  return out;
}

/** Each row of a [rows, size] matrix minus its mean. */
export function centerRows(matrix: Float32Array, size: number): Float32Array {
  const out = new Float32Array(matrix.length);
  for (let start = 0; start < matrix.length; start += size) {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += matrix[start + i]!;
    const mean = sum / size;
    for (let i = 0; i < size; i++) out[start + i] = matrix[start + i]! - mean;
  }
  return out;
}

/** Each column of a [rows, columns] matrix minus its mean. */
export function centerColumns(matrix: Float32Array, rows: number): Float32Array {
  const columns = matrix.length / rows;
  const means = new Float64Array(columns);
  for (let i = 0; i < matrix.length; i++) means[i % columns]! += matrix[i]! / rows;
  const out = new Float32Array(matrix.length);
  for (let i = 0; i < matrix.length; i++) out[i] = matrix[i]! - means[i % columns]!;
  return out;
}

/** A vector minus its mean. */
export const centerVector = (vector: Float32Array): Float32Array => centerRows(vector, vector.length);

/**
 * outputBias + Σ over query heads of valueBias[its KV head] · output[head].
 * @param outputBias [dModel]
 * @param valueBias [kvHeads, dHead]
 * @param output [heads, dHead, dModel]
 */
export function addValueBias(
  outputBias: Float32Array,
  valueBias: Float32Array,
  output: Float32Array,
  sizes: { readonly heads: number; readonly kvHeads: number; readonly dHead: number },
): Float32Array {
  const { heads, kvHeads, dHead } = sizes;
  const dModel = outputBias.length;
  const sum = Float64Array.from(outputBias);
  for (let head = 0; head < heads; head++) {
    const kvHead = Math.floor((head * kvHeads) / heads);
    for (let i = 0; i < dHead; i++) {
      const bias = valueBias[kvHead * dHead + i]!;
      const row = (head * dHead + i) * dModel;
      for (let d = 0; d < dModel; d++) sum[d]! += bias * output[row + d]!;
    }
  }
  return Float32Array.from(sum);
}
