/** @file How alike prompts are by their scores of edges: the cosine of each two, with few prompts in memory at a time. */
import { AutoCircuitError, type PromptScoreTable, type PromptScoreTensors } from '@auto-circuit/core/plugin';

/** Numbers of scores in memory at once, about (64 MiB as float32). */
const MOST_NUMBERS = 2 ** 24;

/** Cosines between prompts. */
export interface Similarities {
  readonly prompts: number;
  /** `[prompts, prompts]`: 1 on the diagonal; 0 with a prompt all of whose scores are 0. */
  readonly cosines: Float64Array;
  /** The length of each prompt's scores as a vector over edges. */
  readonly norms: Float64Array;
}

/**
 * The cosine of the angle between each two prompts' scores, which does not depend on how strong a prompt's effects are. Sums in
 * float64: n prompts of m edges take n²m/2 multiplications, and of memory what two blocks of prompts need.
 * @throws AutoCircuitError `not-finite` for infinite scores, which have no direction
 */
export function promptSimilarities(table: PromptScoreTable): Similarities {
  const { graph, prompts } = table;
  const products = new Float64Array(prompts * prompts);
  const block = Math.max(1, Math.floor(MOST_NUMBERS / (2 * graph.edgeCount)));
  for (let i = 0; i < prompts; i += block) {
    const rows = table.read(i, Math.min(prompts, i + block));
    for (let j = 0; j <= i; j += block) {
      const columns = j === i ? rows : table.read(j, Math.min(prompts, j + block));
      addProducts(products, prompts, rows.tensors, i, columns.tensors, j);
    }
  }
  const norms = Float64Array.from({ length: prompts }, (_, p) => Math.sqrt(products[p * prompts + p]!));
  const broken = norms.findIndex((norm) => !Number.isFinite(norm));
  if (broken >= 0) throw infiniteScores(broken);
  const cosines = new Float64Array(prompts * prompts);
  for (let i = 0; i < prompts; i++) {
    cosines[i * prompts + i] = 1;
    for (let j = 0; j < i; j++) {
      const both = norms[i]! * norms[j]!;
      const cosine = both === 0 ? 0 : products[i * prompts + j]! / both;
      cosines[i * prompts + j] = cosine;
      cosines[j * prompts + i] = cosine;
    }
  }
  return { prompts, cosines, norms };
}

/** Adds Σ a·b over edges below the diagonal and on it. `a`, `b`: [prompts, position?, head?, sources], the first of which have these places. */
function addProducts(
  products: Float64Array,
  prompts: number,
  a: PromptScoreTensors,
  firstA: number,
  b: PromptScoreTensors,
  firstB: number,
): void {
  for (const [module, { data, shape }] of Object.entries(a)) {
    const size = data.length / shape[0]!;
    const other = b[module]!;
    for (let p = 0; p < shape[0]!; p++) {
      for (let q = 0; q < other.shape[0]! && firstB + q <= firstA + p; q++) {
        let sum = 0;
        for (let i = 0, x = p * size, y = q * size; i < size; i++) sum += data[x + i]! * other.data[y + i]!;
        products[(firstA + p) * prompts + firstB + q]! += sum;
      }
    }
  }
}

const infiniteScores = (prompt: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'not-finite',
    fields: { prompt },
    where: 'groups',
    what: `prompt ${prompt} has infinite scores, so nothing can be said of its direction`,
    expected: 'finite scores',
    fix: 'use scores of another algorithm, or of another objective',
  });
