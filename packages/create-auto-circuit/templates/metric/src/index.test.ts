import { describe, it } from 'node:test';
import { metricContract, runContract } from '@auto-circuit/core/testing';
import { myPlugin } from './index.js';

// The suite that the metrics of AutoCircuit itself pass, with the default and with an option of its own.
runContract('my-plugin', metricContract(myPlugin), { describe, it });
runContract('my-plugin(top=3)', metricContract(myPlugin, { options: { top: 3 } }), { describe, it });
