/** @file The tfjs backend as a plugin: its name, its options, and its probe of the devices here. */
import { defineBackend, definePlugin, type Plugin, type ProbeLine } from '@auto-circuit/core/plugin';
import { DEVICES, TFJS_DEVICES, type TfjsDevice } from './runtime/devices.js';
import { findRuntime } from './runtime/find.js';
import { tfjsBackend } from './session/backend.js';

/** The backend under the name `tfjs`. */
export const tfjs = defineBackend({
  name: 'tfjs',
  doc: 'TensorFlow.js: tfjs-node-gpu, tfjs-node, WebAssembly, plain JavaScript (devices gpu, node, wasm, cpu)',
  options: {
    folder: {
      type: 'string',
      default: '',
      doc: 'a folder whose node_modules is searched first for the runtime’s package',
    },
  },
  create: (settings, { folder }) => tfjsBackend({ ...settings, ...(folder === '' ? {} : { folder }) }),
  probe: () => Promise.all(TFJS_DEVICES.map(probeDevice)),
});

/** The plugin of this package. */
export const tfjsPlugin: Plugin = definePlugin({ name: '@auto-circuit/backend-tfjs', contributes: [tfjs] });

/** Starts the device if its package is installed. */
async function probeDevice(device: TfjsDevice): Promise<ProbeLine> {
  const what = `tfjs, device ${device}`;
  try {
    if (!findRuntime(device)) return { what, ok: false, detail: `not installed; ${DEVICES[device].howToGet}` };
    const { info, dispose } = await tfjsBackend({ device });
    await dispose();
    return { what, ok: true, detail: `${info.runtime}, ${info.threads} ${info.threads === 1 ? 'thread' : 'threads'}` };
  } catch (error) {
    return { what, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}
