import { describe, it } from 'node:test';
import { pruneAlgoContract, runContract } from '@auto-circuit/core/testing';
import { myPlugin } from './index.js';

// The suite that the algorithms of AutoCircuit itself pass.
runContract('my-plugin', pruneAlgoContract(myPlugin), { describe, it });
