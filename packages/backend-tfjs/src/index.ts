/**
 * @file Door `@auto-circuit/backend-tfjs`: runs AutoCircuit's programs on TensorFlow.js (tfjs-node-gpu, tfjs-node, WebAssembly, plain JavaScript).
 * @module
 */
export { tfjsPlugin, tfjsPlugin as default } from './plugin.js';
export { TFJS_DEVICES, type TfjsDevice } from './runtime/devices.js';
export { tfjsBackend } from './session/backend.js';
export type { TfjsSettings } from './session/settings.js';
