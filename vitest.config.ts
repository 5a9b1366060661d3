import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// As many workers as cores: by default one is left idle, which on two cores is half of the machine.
export default defineConfig({ test: { projects: ['packages/*'], maxWorkers: availableParallelism() } });
