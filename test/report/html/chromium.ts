/** Debian's Chromium, without a window: what `apt-get install chromium` gives. */
import { accessSync, constants } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const BINARY = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Whether there is one. In continuous integration it has to be there: throws. */
export function hasChromium(): boolean {
  try {
    accessSync(BINARY, constants.X_OK);
    return true;
  } catch (error) {
    if (process.env.CI)
      throw new Error(`the page is tested in a browser, and ${BINARY} is missing: apt-get install chromium`, {
        cause: error,
      });
    return false;
  }
}

/** A sandbox needs what containers do not allow; the pages are our own. */
export function openChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: BINARY, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
