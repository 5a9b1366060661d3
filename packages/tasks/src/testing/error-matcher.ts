/** @file For tests: what an error must be, by its code and fields. */
import type { ErrorCode } from '@auto-circuit/core/plugin';
import { expect } from 'vitest';

/** Matches an error with this code and at least these fields; for `toThrow` and `toEqual`. */
export const errorWith = (code: ErrorCode, fields: Readonly<Record<string, unknown>> = {}): unknown =>
  expect.objectContaining({ code, fields: expect.objectContaining(fields) });
