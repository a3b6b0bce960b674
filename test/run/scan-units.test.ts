/** Units that nobody has declared, on models of which it is known what they have. */
import { expect, test } from 'vitest';
import type { DutProfile } from '../../src/duts/dut.js';
import { openModel } from '../../src/duts/model/port.js';
import {
  cdromConfig,
  DEFAULT_MODEL_CONFIG,
  diskConfig,
  type ModelConfig,
} from '../../src/model/model-config.js';
import { openSession } from '../../src/run/session.js';

const UNDECLARED: DutProfile = { units: [], scan: true, dmaContained: true, settleMs: 0 };

function scan(units: ModelConfig['units'], declared: Partial<DutProfile> = {}): DutProfile {
  const config = { ...DEFAULT_MODEL_CONFIG, units };
  const { port } = openModel({ transport: 'pci', config, seed: 1, copying: false });
  return openSession(port, { ...UNDECLARED, ...declared }, 1, () => {}).profile;
}

test('finds the units of the usual model, those that are lent by their serial numbers, and what is free', () => {
  expect(scan(DEFAULT_MODEL_CONFIG.units)).toEqual({
    units: [
      { target: 0, unit: 0, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-0' },
      { target: 0, unit: 1, kind: 'disk' },
      { target: 1, unit: 0, kind: 'cdrom' },
      { target: 2, unit: 0, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-PI' },
      { target: 2, unit: 1, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-RO' },
      { target: 2, unit: 2, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-PI-2' },
      { target: 2, unit: 3, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-PI-3' },
      { target: 2, unit: 4, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-RM' },
    ],
    freeTarget: 3,
    freeUnit: { target: 0, unit: 2 },
    dmaContained: true,
    settleMs: 0,
  });
});

test('finds units wherever they are, and leaves what is declared', () => {
  const units = [diskConfig(255, 300, 'SOMEBODYS'), cdromConfig(7, 1, 'A-DRIVE')];
  expect(scan(units, { freeTarget: 99 })).toMatchObject({
    units: [
      { target: 7, unit: 1, kind: 'cdrom' },
      { target: 255, unit: 300, kind: 'disk' },
    ],
    freeTarget: 99,
    freeUnit: { target: 7, unit: 0 },
  });
});

test('says so when there is nothing', () => {
  expect(() => scan([])).toThrow(/no disk, tape or CD-ROM drive answers on targets 0 to 255; a profile/);
});
