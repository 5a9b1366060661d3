/** @file The Adam optimiser, which is core's. */
export { type AdamState, adamState, adamStep } from '@auto-circuit/core';
