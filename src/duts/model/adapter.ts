/** The embedded reference device as a device under test. It lives in the worker, so there is little to start here. */
import { readFileSync } from 'node:fs';
import { DEFAULT_MODEL_CONFIG, diskConfig, type ModelConfig } from '../../model/model-config.js';
import { type DutAdapter, type DutProfile, DutSetupError, type RunningDut } from '../dut.js';
import { FILLING_BYTES, fillUp, firstFree, type Scale } from '../scale.js';
import type { ModelAttach } from './attach.js';
import { MODEL_TRANSPORTS } from './attachment.js';

export interface ModelOptions {
  readonly seed: number;
  /** Id of a mutant of the model. */
  readonly mutant?: string;
  readonly copying?: boolean;
  readonly config?: ModelConfig;
}

/** Serial numbers that begin so belong to units lent for writing. */
const SCRATCH = 'VSCSI-SCRATCH-';

/** The version of the model is that of the package. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

const FILLING_BLOCK = 512;

/** The usual model, with as many units as are asked for. */
export function scaledConfig(scale: Scale): ModelConfig {
  const { own, added } = fillUp(DEFAULT_MODEL_CONFIG.units, scale);
  const blocks = BigInt(FILLING_BYTES / FILLING_BLOCK);
  const disks = added.map(({ target, unit }) =>
    diskConfig(target, unit, `VSCSI-DISK-${target}-${unit}`, { blocks, blockSize: FILLING_BLOCK }),
  );
  return { ...DEFAULT_MODEL_CONFIG, units: [...own, ...disks] };
}

/** What is known of a model of this configuration. */
export function modelProfile(config: ModelConfig): DutProfile {
  const target = config.units[0]?.target;
  return {
    units: config.units.map(({ target, unit, kind, serial }) => ({
      target,
      unit,
      kind,
      ...(serial.startsWith(SCRATCH) && { scratchSerial: serial }),
    })),
    freeTarget: firstFree(config.units.map((each) => each.target)),
    ...(target !== undefined && {
      freeUnit: {
        target,
        unit: firstFree(config.units.filter((each) => each.target === target).map((each) => each.unit)),
      },
    }),
    dmaContained: true,
    settleMs: 0,
  };
}

/** The catalogue of mutants is large, and this thread needs it for nothing else. Throws DutSetupError. */
async function refuseUnknown(mutant: string): Promise<void> {
  const { mutantById } = await import('../../model/mutants/index.js');
  if (mutantById(mutant) === undefined) throw new DutSetupError(`the model has no mutant ${mutant}`);
}

/** The main-thread half; its worker half is `openModelPort`. */
export function modelAdapter(options: ModelOptions): DutAdapter {
  const { seed, mutant, copying = false, config = DEFAULT_MODEL_CONFIG } = options;
  return {
    name: 'model',
    obstacles: () => Promise.resolve([]),
    transports: MODEL_TRANSPORTS,
    start: async (transport = 'pci') => {
      if (mutant !== undefined) await refuseUnknown(mutant);
      const attach: ModelAttach = {
        transport,
        config,
        seed,
        copying,
        ...(mutant !== undefined && { mutant }),
      };
      const running: RunningDut = {
        identity: {
          name: 'model',
          version: packageVersion(),
          details: {
            seed: String(seed),
            memory: copying ? 'copied' : 'mapped',
            ...(mutant !== undefined && { mutant }),
          },
        },
        profile: modelProfile(config),
        attach,
        exited: new Promise(() => {}),
        // The worker holds the device and power-cycles it itself; ending the worker ends the device.
        controls: [],
        control: () => Promise.resolve(),
        kill: () => {},
        stop: () => Promise.resolve(),
      };
      return running;
    },
  };
}
