import { backendContract, runContract } from '@auto-circuit/core/testing';
import { describe, it } from 'vitest';
import { onnxBackend } from './index.js';

for (const fuse of [true, false]) {
  runContract(
    `onnx, composites ${fuse ? 'fused' : 'op by op'}`,
    backendContract(() => onnxBackend({ threads: 1, fuse }), { randomPrograms: 30 }),
    { describe, it },
  );
}
