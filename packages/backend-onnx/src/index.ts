/**
 * @file Runs AutoCircuit programs on onnxruntime-node (CPU, CUDA, WebGPU, CoreML, DirectML).
 * @module
 */
export { type LoweredProgram, type LowerOptions, lower } from './lower/index.js';
export { onnx, onnxPlugin, onnxPlugin as default } from './plugin.js';
export { onnxBackend } from './session/backend.js';
export { ONNX_DEVICES, type OnnxDevice, type OnnxSettings, physicalCores } from './session/settings.js';
