/** @file Canonical weights after processing, against the reference's under its own names and layouts. */
import { tensorOutcome } from './compare.mjs';

/** Our [heads, dHead, dModel] → the reference's [heads, dModel, dHead]. */
function perHeadTransposed(data, [heads, dModel, dHead]) {
  const out = new Float64Array(data.length);
  for (let h = 0; h < heads; h++) for (let e = 0; e < dHead; e++) for (let d = 0; d < dModel; d++) out[(h * dModel + d) * dHead + e] = data[(h * dHead + e) * dModel + d];
  return out;
}
const transposed = (data, [rows, columns]) => {
  const out = new Float64Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[r * columns + c] = data[c * rows + r];
  return out;
};
const same = (data) => data;

/** The reference's name → ours, how ours is laid out as theirs, and what it is when folding has removed it. */
const NAMES = [
  [/^embed\.W_E$/, () => 'embed.W', same],
  [/^pos_embed\.W_pos$/, () => 'pos.W', same],
  [/^unembed\.W_U$/, () => ['unembed.W', 'embed.W'], transposed],
  [/^unembed\.b_U$/, () => 'unembed.b', same, 0],
  [/^ln_final\.(w|b)$/, (_l, x) => `final.ln.${x}`, same],
  [/^blocks\.(\d+)\.ln([12])\.(w|b)$/, (l, n, x) => `L${l}.ln${n}.${x}`, same],
  [/^blocks\.(\d+)\.attn\.W_([QKV])$/, (l, x) => `L${l}.attn.${x.toLowerCase()}.W`, perHeadTransposed],
  [/^blocks\.(\d+)\.attn\.b_([QKV])$/, (l, x) => `L${l}.attn.${x.toLowerCase()}.b`, same, 0],
  [/^blocks\.(\d+)\.attn\.W_O$/, (l) => `L${l}.attn.o.W`, same],
  [/^blocks\.(\d+)\.attn\.b_O$/, (l) => `L${l}.attn.o.b`, same, 0],
  [/^blocks\.(\d+)\.mlp\.W_in$/, (l) => `L${l}.mlp.in.W`, same],
  [/^blocks\.(\d+)\.mlp\.b_in$/, (l) => `L${l}.mlp.in.b`, same, 0],
  [/^blocks\.(\d+)\.mlp\.W_out$/, (l) => `L${l}.mlp.out.W`, same],
  [/^blocks\.(\d+)\.mlp\.b_out$/, (l) => `L${l}.mlp.out.b`, same, 0],
];

export async function* checkWeights({ golden, processed }, record) {
  const { weights } = processed.model;
  const known = new Set(weights.names);
  for (const [theirs, expected] of Object.entries(golden.tensors(record.id))) {
    const rule = NAMES.find(([pattern]) => pattern.test(theirs));
    const name = `${record.id}/${theirs}`;
    if (!rule) {
      yield { outcome: 'failed', name, detail: 'no weight of ours has this name' };
      continue;
    }
    const [pattern, ourName, layout, absent] = rule;
    const groups = theirs.match(pattern).slice(1);
    const candidates = [ourName(...(theirs.startsWith('ln_final') ? ['', ...groups] : groups))].flat();
    const found = candidates.find((candidate) => known.has(candidate));
    const data = found ? layout(weights.read(found), expected.shape) : new Float64Array(expected.data.length).fill(absent ?? Number.NaN);
    yield tensorOutcome(name, data, expected.data, record.atol);
  }
}
