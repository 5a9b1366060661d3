/** @file Opens a case's model and the backend that runs it. */
import { interpreterBackend, openSafetensors } from '@auto-circuit/core';
import { microModel } from '@auto-circuit/core/testing';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Backends by name, loaded when asked for. */
const BACKENDS = {
  interpreter: async () => interpreterBackend({ precision: 'float64' }),
  onnx: async () => (await import('@auto-circuit/backend-onnx')).onnxBackend({ threads: 2 }),
  tfjs: () => openTfjs(),
  'tfjs-node': () => openTfjs('node'),
  'tfjs-wasm': () => openTfjs('wasm'),
  'tfjs-cpu': () => openTfjs('cpu'),
};
/** The native runtime is where scripts/setup-tfjs-native.sh puts it, the others are packages of this repository. */
async function openTfjs(device) {
  const { tfjsBackend } = await import('@auto-circuit/backend-tfjs');
  return tfjsBackend({ ...(device ? { device } : {}), folder: fileURLToPath(new URL('../../.tools/tfjs-native', import.meta.url)) });
}
export async function openBackend(name) {
  if (!BACKENDS[name]) throw new Error(`unknown backend ${name}; known: ${Object.keys(BACKENDS).join(', ')}`);
  return BACKENDS[name]();
}

/** {model, tokenizer}, or {unsupported: why}. */
export async function openModel(golden, process) {
  if (golden.config.model_type === 'auto_circuit_micro_model') return { model: openMicro(golden), tokenizer: null };
  const { loadModel, modelsPlugin } = await import('@auto-circuit/models');
  const known = modelsPlugin.contributes.filter((c) => c.kind === 'architecture').flatMap((c) => c.modelTypes);
  if (!known.includes(golden.config.model_type)) return { unsupported: `architecture ${golden.config.model_type} is not built yet` };
  return loadModel(golden.modelFolder, { process });
}

function openMicro(golden) {
  const file = openSafetensors(join(golden.modelFolder, 'model.safetensors'));
  const layers = [];
  for (let l = 0; file.tensors.has(`blocks.${l}.weights`); l++) {
    const [heads, width] = file.tensors.get(`blocks.${l}.weights`).shape;
    const data = file.read(`blocks.${l}.weights`);
    layers.push(Array.from({ length: heads }, (_, h) => Array.from(data.subarray(h * width, (h + 1) * width))));
  }
  return microModel(layers);
}
