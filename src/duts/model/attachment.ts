/** The registers of a model as a port offers them. */
import type { Model } from '../../model/model.js';
import type { ModelBus } from '../../model/model-config.js';
import type { BusSpace } from '../../model/pci/config-space.js';
import { PortError } from '../../port/errors.js';
import type { Attachment, RegisterWindow } from '../../port/registers.js';
import type { TransportName } from '../../port/transport-name.js';
import { pciHeader } from '../../wire/pci.js';
import { MMIO_WINDOW_SIZE } from '../../wire/virtio-mmio.js';

/** Buses that have registers: a back-end has none, and nobody drives one in the same thread. */
type RegisterBus = Exclude<ModelBus, 'vhost'>;

/** The model that a transport needs. */
const BUSES: Readonly<Partial<Record<TransportName, RegisterBus>>> = {
  pci: 'pci',
  'pci-legacy': 'pci-transitional',
  mmio: 'mmio',
  'mmio-legacy': 'mmio-legacy',
};

/** The transports that some model has, the usual one first. */
export const MODEL_TRANSPORTS = Object.keys(BUSES) as readonly TransportName[];

/** Throws `PortError` PORT_SETUP for a transport that no model has. */
export function busOf(transport: TransportName): RegisterBus {
  const bus = BUSES[transport];
  if (bus === undefined) throw new PortError('PORT_SETUP', `the model cannot be reached by ${transport}`);
  return bus;
}

/** A place on the bus: any address that does not meet the memory. */
interface BarPlace {
  readonly space: BusSpace;
  readonly address: bigint;
}

/** BARs of every PCI model; the rest depends on whether the first is the legacy interface's. */
const IO: BarPlace = { space: 'io', address: 0xc000n };
const LOW: BarPlace = { space: 'memory', address: 0xfeb0_0000n };
const HIGH: BarPlace = { space: 'memory', address: 1n << 46n };
const PLACES: Readonly<Record<'pci' | 'pci-transitional', ReadonlyMap<number, BarPlace>>> = {
  pci: new Map([
    [0, LOW],
    [4, HIGH],
  ]),
  'pci-transitional': new Map([
    [0, IO],
    [1, LOW],
    [4, HIGH],
  ]),
};

/**
 * Does what firmware does: assigns the BARs. Decoding and bus mastering stay off, they are the driver's. To be done
 * again after a power cycle.
 */
export function placeBars(model: Model, bus: RegisterBus): void {
  if (bus === 'mmio' || bus === 'mmio-legacy') return;
  for (const [index, { address }] of PLACES[bus]) {
    const offset = pciHeader.fields.bar0.offset + 4 * index;
    model.function.config.write(offset, 4, Number(address & 0xffff_ffffn));
    if (address >> 32n) model.function.config.write(offset + 4, 4, Number(address >> 32n));
  }
}

/** Nothing is held back: a write has taken effect when it returns. */
const AT_ONCE = { flush: () => {}, fence: () => {} };

function barWindow(model: Model, index: number, { space, address }: BarPlace): RegisterWindow | undefined {
  const contents = model.function.config.barContents(index);
  if (contents === undefined) return undefined;
  return {
    size: contents.size,
    read: (offset, width) => model.function.busRead(space, address + BigInt(offset), width),
    write: (offset, width, value) => model.function.busWrite(space, address + BigInt(offset), width, value),
    ...AT_ONCE,
  };
}

/** Registers and interrupt line; both outlive a power cycle. */
export function attachmentOf(model: Model, bus: RegisterBus): Attachment {
  const mmio = bus === 'mmio' || bus === 'mmio-legacy';
  const line = { level: () => (mmio ? model.window.line : model.function.line) };
  if (mmio)
    return {
      kind: 'mmio',
      window: {
        size: MMIO_WINDOW_SIZE,
        read: (offset, width) => model.window.read(offset, width),
        write: (offset, width, value) => model.window.write(offset, width, value),
        ...AT_ONCE,
      },
      line,
    };
  const bars = new Map([...PLACES[bus]].map(([index, place]) => [index, barWindow(model, index, place)]));
  return {
    kind: 'pci',
    config: {
      size: model.function.config.size,
      read: (offset, width) => model.function.config.read(offset, width),
      write: (offset, width, value) => model.function.config.write(offset, width, value),
      ...AT_ONCE,
    },
    bar: (index) => bars.get(index),
    line,
  };
}
