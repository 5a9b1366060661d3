import { study } from './study.js';

console.table(await study([10, 30, 100, 262], 16));
