// tsc does not keep the executable bit that npm's bin links of a checkout need.
import { chmodSync } from 'node:fs';

chmodSync(new URL('../dist/cli/main.js', import.meta.url), 0o755);
