import { backendContract, runContract } from '@auto-circuit/core/testing';
import { describe, it } from 'vitest';
import { onnxBackend } from './index.js';

for (const threads of [1, 2]) {
  runContract(
    `onnx with ${threads === 1 ? 'one thread' : 'two threads'}`,
    backendContract(() => onnxBackend({ threads }), { randomPrograms: 200 }),
    { describe, it },
  );
}
