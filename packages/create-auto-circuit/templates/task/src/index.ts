import { definePlugin, defineTask, type Task } from '@auto-circuit/core/plugin';

/** A model, and pairs of prompts that differ in what decides the answer. `prompts.json` holds them. */
export const myPlugin: Task = defineTask({
  name: 'my-plugin',
  doc: 'who gets the blanket: the name that stands once',
  model: 'ioi-mini',
  data: new URL('../prompts.json', import.meta.url),
});

export default definePlugin({ name: 'PACKAGE', contributes: [myPlugin] });
