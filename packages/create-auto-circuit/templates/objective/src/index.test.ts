import { describe, it } from 'node:test';
import { objectiveContract, runContract } from '@auto-circuit/core/testing';
import { myPlugin } from './index.js';

// Its gradient is compared with finite differences, among other things.
runContract('my-plugin', objectiveContract(myPlugin), { describe, it });
