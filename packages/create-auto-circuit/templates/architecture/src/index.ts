import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Architecture,
  defineArchitecture,
  definePlugin,
  type ModelObject,
  memoryWeights,
} from '@auto-circuit/core/plugin';

/** What `config.json` holds beside `model_type`. */
interface Config {
  /** [layers][heads][dModel] */
  readonly layers: readonly (readonly (readonly number[])[])[];
}

/** Reads a folder whose `config.json` has the `model_type` "my-plugin": layers of heads that multiply what they read. */
export const myPlugin: Architecture = defineArchitecture({
  name: 'my-plugin',
  doc: 'layers of heads that multiply what they read by known numbers',
  modelTypes: ['my-plugin'],
  load: async ({ name, folder }) => ({
    ...model(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Config),
    name,
  }),
});

/** The model: its sizes, its weights, and its forward pass, traced once with its patch points. */
export function model({ layers }: Config): ModelObject {
  const [heads, dModel] = [layers[0]!.length, layers[0]![0]!.length];
  const shape = [heads, 1, 1, dModel];
  const tables = layers.map((layer, l) => [`L${l}.heads`, { shape, data: Float32Array.from(layer.flat()) }] as const);
  return {
    name: 'my-plugin',
    spec: {
      layout: { kind: 'staged', layers: layers.length, heads, dModel },
      input: { name: 'features', dtype: 'float', features: [dModel] },
      outputSize: dModel,
      maxPositions: null,
      parameters: layers.length * heads * dModel,
    },
    weights: memoryWeights(Object.fromEntries(tables)),
    processing: [],
    trace(points) {
      const { builder: b } = points;
      let residual = points.outOf('start', points.input); // [batch, pos, dModel]
      for (const l of layers.keys()) {
        const read = points.into(`L${l}.attn`, residual).attn!; // [heads or 1, batch, pos, dModel]
        const written = b.mul(read, points.weight(`L${l}.heads`, shape)); // [heads, batch, pos, dModel]
        residual = points.stream(`L${l}.post`, b.add(residual, points.outOf(`L${l}.attn`, written)));
      }
      return b.reshape(points.into('end', residual).end!, points.input.shape); // [batch, pos, dModel]
    },
    unembed: (_points, residual) => residual,
  };
}

export default definePlugin({ name: 'PACKAGE', contributes: [myPlugin] });
