/** @file The contract of `ilp`: some thousand programs, one for each size of each graph, so not among the fast tests. */
import { runContract, selectionContract } from '@auto-circuit/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { ilp } from './ilp.js';

beforeAll(() => ilp.prepare!());

runContract('ilp', selectionContract(ilp), { describe, it });
