/** What the C compiler makes of the kernel's headers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Values of C expressions, as a header has them. */
export function valuesFromHeaders(header: string, expressions: readonly string[]): number[] {
  const folder = mkdtempSync(join(tmpdir(), 'vscsi-header-'));
  try {
    const program = join(folder, 'values');
    const lines = expressions.map((each) => `printf("%lld\\n", (long long)(${each}));`);
    const source = `#include <stddef.h>\n#include <stdio.h>\n#include <${header}>\nint main(void) { ${lines.join('\n')} }\n`;
    writeFileSync(`${program}.c`, source);
    execFileSync('cc', ['-o', program, `${program}.c`], { stdio: ['ignore', 'pipe', 'pipe'] });
    return execFileSync(program, { encoding: 'utf8' }).trim().split('\n').map(Number);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
