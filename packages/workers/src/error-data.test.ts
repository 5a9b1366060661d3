/** @file Errors on their way between threads. */
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { describe, expect, it } from 'vitest';
import { errorFromData, errorToData } from './error-data.js';

const sent = (error: unknown): Error => errorFromData(structuredClone(errorToData(error)));

describe('an error that was sent', () => {
  it('has its code, fields, kind, parts, sentence and causes', () => {
    const error = new AutoCircuitError({
      code: 'device-unavailable',
      where: 'backend-onnx',
      what: 'unknown device',
      expected: 'cpu',
      got: 'abacus',
      fix: 'take another',
      fields: { device: 'abacus' },
      kind: 'internal',
      cause: new TypeError('no such library', { cause: 'a string' }),
    });
    const again = sent(error);
    expect(again).toBeInstanceOf(AutoCircuitError);
    expect(again).toMatchObject({
      code: 'device-unavailable',
      fields: { device: 'abacus' },
      kind: 'internal',
      where: 'backend-onnx',
      message: '[backend-onnx] unknown device: expected cpu, got abacus; take another',
      stack: error.stack,
      parts: { fix: 'take another' },
      cause: { name: 'TypeError', message: 'no such library', cause: { message: 'a string' } },
    });
  });

  it('loses only those fields that cannot be sent', () => {
    const fields = { path: 'model.safetensors', read: () => undefined };
    const error = new AutoCircuitError({ code: 'internal', where: 'here', what: 'this', fields });
    expect(sent(error)).toMatchObject({ code: 'internal', fields: { path: 'model.safetensors' } });
    expect((sent(error) as AutoCircuitError).fields).not.toHaveProperty('read');
  });

  it('of another class keeps its name, message and stack', () => {
    const error = new RangeError('too long');
    expect(sent(error)).toMatchObject({ name: 'RangeError', message: 'too long', stack: error.stack });
  });
});
