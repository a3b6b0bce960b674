import { expect, test } from 'vitest';
import { modelAdapter } from '../../src/duts/model/adapter.js';
import type { ModelAttach } from '../../src/duts/model/attach.js';
import { openModel } from '../../src/duts/model/port.js';
import { expandAll } from '../../src/run/expand-all.js';
import { checkCaseFiles } from '../../src/run/load-cases.js';
import { SPEC_CASES } from '../../src/run/package-info.js';
import { openSession } from '../../src/run/session.js';

/** The cases about rings, transports and the SCSI host, on a device whose DMA is contained or not. */
async function planned(dmaContained: boolean) {
  const adapter = modelAdapter({ seed: 1 });
  const { attach, profile } = await adapter.start();
  const { port } = openModel(attach as ModelAttach);
  const session = openSession(port, { ...profile, dmaContained }, 1, () => {});
  const { files } = checkCaseFiles([`${SPEC_CASES}/ring`, `${SPEC_CASES}/virtio`, `${SPEC_CASES}/scsi`]);
  return expandAll(files, session, { modes: 'default', transports: ['pci'] }).cases;
}

test('hostile cases, all of them and no others, stay off where a device could stray into memory of others', async () => {
  const [contained, not] = [await planned(true), await planned(false)];
  const hostile = contained.filter((each) => each.hostile && each.skip === undefined);
  expect(hostile.length).toBeGreaterThanOrEqual(50);
  expect(not.filter((each) => each.hostile && each.skip === undefined)).toEqual([]);
  const kept = not.filter(({ skip }) => skip?.evidence.startsWith('the case is hostile'));
  expect(kept.length).toBeGreaterThan(50);
  expect(kept.every(({ skip }) => skip?.kind === 'not-consented')).toBe(true);
  expect(not.filter(({ skip }) => skip === undefined).map(({ id }) => id)).toEqual(
    contained.filter((each) => each.skip === undefined && !each.hostile).map(({ id }) => id),
  );
});
