// An algorithm that takes its process along, as a broken native runtime would; for tests.
import { definePlugin, definePruneAlgo } from '@auto-circuit/core/plugin';

export default definePlugin({
  name: 'dying-algo',
  contributes: [
    definePruneAlgo({
      name: 'dying',
      doc: 'kills its process',
      options: {},
      async score() {
        process.stderr.write('the runtime gives up\n', () => process.kill(process.pid, 'SIGKILL'));
        return new Promise(() => undefined);
      },
    }),
  ],
});
