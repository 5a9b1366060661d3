import { describe, expect, it } from 'vitest';
import { checkKeys } from './check-keys.js';

describe('fields of requests from JavaScript', () => {
  it('takes every field that a request has', () => {
    expect(() => checkKeys('patchedRun', { input: 'clean', patch: {}, mask: {} })).not.toThrow();
    expect(() => checkKeys('maskGradient', { input: 'clean', patch: {}, objective: {}, at: {} })).not.toThrow();
  });

  it('refuses fields that would be skipped, and says what an old one has become', () => {
    const call = () => checkKeys('maskGradient', { input: 'clean', patch: {}, objective: {}, inputAlpha: 0.5 });
    expect(call).toThrow(/kind: 'input', alpha/);
    expect(call).toThrow(expect.objectContaining({ code: 'invalid-request' }));
    expect(() => checkKeys('patchedRuns', { input: 'clean', patch: {}, masks: [], mask: {} })).toThrow(
      expect.objectContaining({ fields: { method: 'patchedRuns', name: 'mask', nearest: ['masks'] } }),
    );
  });
});
